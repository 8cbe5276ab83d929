"""What can go wrong in the media part."""


class MediaError(Exception):
    """Media failed."""


class MediaUnavailable(MediaError):
    """No media session can be had: the media process is not running, or no port or descriptor is left."""


class UnknownPrompt(MediaError):
    """A prompt was asked for that ``load_prompt`` was not called for, or that was let go since."""


class MalformedPacket(MediaError, ValueError):
    """A datagram is not what its place in the stream says it is."""
