"""The library of an account: sounds that have a name, which any of its batches can play."""

import struct
from array import array
from dataclasses import dataclass

from django.core.files import File
from django.db.models import Count, F, Func, IntegerField, Max, QuerySet
from django.db.models.fields import BinaryField
from django.db.models.functions import Substr
from django.utils.translation import gettext as _

from calldron.domain.errors import InvalidInput
from calldron.media.audio import MAX_BYTES, SAMPLE_RATE
from calldron.services import intros, values
from calldron.services.errors import NotFound
from calldron.store.models import Account, Batch, Sound

LONGEST_NAME = 200
HEAD = 44  # bytes of a WAV before its samples
BARS = 600  # of a waveform: no screen is so wide that it needs more

_WIDTH = 2  # bytes of a sample
_LOUDEST = 32_768


@dataclass(frozen=True, slots=True)
class Use:
    """The batches that play a sound: how many there are, and the newest of them."""

    count: int
    newest: Batch

    @property
    def others(self) -> int:
        """How many there are besides the newest."""
        return self.count - 1


@dataclass(frozen=True, slots=True)
class Entry:
    """A sound of the library, without its samples. ``size``: bytes of it as a WAV; ``use``: ``None`` where no batch
    plays it."""

    sound: Sound
    size: int
    use: Use | None


def page(account: Account, *, limit: int, offset: int) -> tuple[list[Entry], int]:
    """Part of the library, the newest first, and how many sounds it has."""
    sounds = _library(account)
    found = list(sounds.order_by("-id")[offset : offset + limit])
    keys = [sound.pk for sound in found]
    sizes, uses = _sizes(keys), _uses(keys)
    return [Entry(sound, sizes[sound.pk], uses.get(sound.pk)) for sound in found if sound.pk in sizes], sounds.count()


def _uses(keys: list[int]) -> dict[int, Use]:
    playing = Batch.objects.filter(intro__in=keys, deleting=False)
    counts = list(playing.order_by().values_list("intro_id").annotate(Count("pk"), Max("pk")))
    newest = Batch.objects.only("name").in_bulk([batch for _sound, _count, batch in counts])
    return {sound: Use(count, newest[batch]) for sound, count, batch in counts if batch in newest}


def _sizes(keys: list[int]) -> dict[int, int]:
    samples = Func(F("pcm"), function="LENGTH", output_field=IntegerField())
    return {key: HEAD + length for key, length in Sound.objects.filter(pk__in=keys).values_list("pk", samples)}


def library(account: Account) -> list[Sound]:
    """All of it by name, without their samples."""
    return list(_library(account).order_by("name", "id"))


def _library(account: Account) -> QuerySet[Sound]:
    return Sound.objects.filter(account=account).exclude(name="").defer("pcm")


def get(account: Account, sound_id: int) -> Sound:
    """A sound of this account, in the library or not, without its samples. Raises ``NotFound``."""
    sound = Sound.objects.filter(account=account, pk=sound_id).defer("pcm").first()
    if sound is None:
        raise _not_found(sound_id)
    return sound


def add(account: Account, file: "File[bytes]") -> Sound:
    """Take a file (mp3, wav or ogg) into the library under its own name; one that is there keeps the name it has. Takes
    up to seconds. Raises ``InvalidInput``."""
    intro = intros.decoded(account, file.read(MAX_BYTES + 1))
    sound = intros.keep(account, intro)
    if not sound.name:
        sound.filename = _printable(file.name or "")
        sound.name = sound.filename[:LONGEST_NAME] or _("A sound")
        sound.save(update_fields=["filename", "name"])
    return sound


def _printable(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable()).strip()[:255]


def rename(account: Account, sound_id: int, name: str) -> Sound:
    """Give a sound of the library another name. Raises ``NotFound``, ``InvalidInput``."""
    sound = _in_library(account, sound_id)
    values.text(LONGEST_NAME)(name)
    if not name.strip():
        raise InvalidInput(_("Give the sound a name."), "name")
    sound.name = name.strip()
    sound.save(update_fields=["name"])
    return sound


def remove(account: Account, sound_id: int) -> Sound:
    """Take a sound out of the library; batches that play it go on playing it. Raises ``NotFound``."""
    sound = _in_library(account, sound_id)
    Sound.objects.filter(pk=sound.pk).update(name="")
    intros.discard(sound.pk)
    return sound


def _in_library(account: Account, sound_id: int) -> Sound:
    sound = get(account, sound_id)
    if not sound.name:
        raise _not_found(sound_id)
    return sound


def _not_found(sound_id: int) -> NotFound:
    return NotFound(_("There is no sound %(id)d.") % {"id": sound_id})


def size(sound: Sound) -> int:
    """Bytes of it as a WAV. Raises ``NotFound`` where it went away meanwhile."""
    found = _sizes([sound.pk])
    if sound.pk not in found:
        raise _not_found(sound.pk)
    return found[sound.pk]


def wav(sound: Sound, part: range, whole: int) -> bytes:
    """These bytes of it as a WAV, which has ``whole`` bytes; no more of it is read than that."""
    head = _head(whole)[part.start : part.stop]
    start, stop = max(part.start, HEAD) - HEAD, max(part.stop, HEAD) - HEAD
    return head + (_samples(sound, start, stop - start) if stop > start else b"")


def _head(whole: int) -> bytes:
    """Of one channel of 16-bit PCM."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, SAMPLE_RATE, SAMPLE_RATE * _WIDTH, _WIDTH, 8 * _WIDTH)
    return (
        struct.pack("<4sI4s4s", b"RIFF", whole - 8, b"WAVE", b"fmt ")
        + form
        + struct.pack("<4sI", b"data", whole - HEAD)
    )


def _samples(sound: Sound, start: int, length: int) -> bytes:
    piece = Substr("pcm", start + 1, length, output_field=BinaryField())
    found = Sound.objects.filter(pk=sound.pk).values_list(piece).first()
    return bytes(found[0]) if found else b""


def waveform(sound: Sound) -> list[int]:
    """How loud it is along its length: ``BARS`` figures from 0 to 100."""
    samples = array("h", bytes(Sound.objects.values_list("pcm", flat=True).get(pk=sound.pk)))
    step = max(1, -(-len(samples) // BARS))
    bars = (samples[place : place + step] for place in range(0, len(samples), step))
    return [round(100 * max(*bar, -min(bar)) / _LOUDEST) for bar in bars]
