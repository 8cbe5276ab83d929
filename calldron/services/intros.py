"""Recorded intros: from the Base64 of a request to 8 kHz samples, each kept once an account."""

import binascii
import hashlib
import re
from base64 import b64decode
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput
from calldron.media.audio import MAX_BYTES, MAX_SECONDS, BadAudio, decode
from calldron.store.models import Account, Batch, Sound

_BLANKS = re.compile(r"[\r\n\t ]+")


@dataclass(frozen=True, slots=True)
class Intro:
    """An intro that can be used. ``pcm`` is empty where the account has the very file already."""

    digest: str  # SHA-256 of the file, hexadecimal
    seconds: float = 0.0
    pcm: bytes = field(default=b"", repr=False)


def decoded(account: Account, data: bytes) -> Intro:
    """The sound of a file (mp3, wav or ogg). Takes up to seconds. Raises ``InvalidInput``."""
    digest = hashlib.sha256(data).hexdigest()
    if Sound.objects.filter(account=account, digest=digest).exists():
        return Intro(digest)
    try:
        audio = decode(data)
    except BadAudio as error:
        raise InvalidInput(_in_words(error)) from error
    return Intro(digest, audio.seconds, audio.pcm)


def from_base64(value: object) -> bytes:
    """The bytes of a file as a request carries it. Raises ``InvalidInput``."""
    if not isinstance(value, str):
        raise InvalidInput(_("This must be an audio file (mp3, wav or ogg) as Base64 text."))
    try:
        return b64decode(_BLANKS.sub("", value), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(_("This is not Base64: send the bytes of an mp3, wav or ogg file in Base64.")) from error


def _in_words(error: BadAudio) -> str:
    limits = {"megabytes": MAX_BYTES // 2**20, "minutes": round(MAX_SECONDS / 60)}
    words = {
        "empty": _("The audio file is empty."),
        "too_big": _("The audio file is larger than %(megabytes)d MB.") % limits,
        "too_long": _("The audio is longer than %(minutes)d minutes.") % limits,
        "not_audio": _("This is not an audio file: mp3, wav and ogg are read."),
        "truncated": _("The audio file is cut short. Send it whole."),
        "unreadable": _("The audio file is damaged or of an unusual kind. Save it again as mp3, wav or ogg."),
        "too_costly": _("The audio file takes too much memory or time to decode. Save it again as plain mp3 or wav."),
    }
    return words.get(error.code, str(error))


def keep(account: Account, intro: Intro) -> Sound:
    """The row of this intro, made where there is none. Raises ``InvalidInput`` where it went away meanwhile."""
    kept = Sound.objects.defer("pcm")
    if intro.pcm:  # two may send the same file at once
        made = {"seconds": intro.seconds, "pcm": intro.pcm}
        return kept.get_or_create(account=account, digest=intro.digest, defaults=made)[0]
    sound = kept.filter(account=account, digest=intro.digest).first()
    if sound is None:
        raise InvalidInput(_("The intro was removed meanwhile. Send it again."), "intro")
    return sound


def discard(sound_id: int) -> None:
    """Remove an intro that no batch plays any more and that is not in the library."""
    if not Batch.objects.filter(intro_id=sound_id).exists():
        Sound.objects.filter(pk=sound_id, name="").delete()
