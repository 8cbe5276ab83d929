"""What can go wrong in the SIP part."""


class MessageError(ValueError):
    """What came is no well-formed SIP message, or a header field of it cannot be read. The message says what."""


class DigestError(ValueError):
    """A challenge cannot be answered: unknown algorithm or quality of protection, no realm or nonce."""
