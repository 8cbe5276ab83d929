"""The library of sounds: what goes in, what comes out, and what stays."""

import io
import wave

import numpy as np
import pytest
from django.core.files.base import ContentFile
from sounds import encoded, peak_hertz, samples, sine, speech

from calldron.domain.errors import InvalidInput
from calldron.services import accounts, batches, sounds
from calldron.services.batch_fields import Draft
from calldron.services.errors import NotFound
from calldron.services.intros import Intro
from calldron.store.models import Account, Batch, Sound

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> Account:
    return accounts.create_user("owner@example.org")[0].account


def file(name: str = "hello.wav", hertz: float = 440, seconds: float = 1) -> "ContentFile[bytes]":
    return ContentFile(encoded(sine(hertz, seconds, 16_000), 16_000), name)


def playing(account: Account, sound: Sound) -> Batch:
    return batches.create(account, [Draft({"name": "Plays it"}, intro=Intro(sound.digest))])[0]


def whole(sound: Sound) -> bytes:
    size = sounds.size(sound)
    return sounds.wav(sound, range(size), size)


def test_a_file_is_taken_in_under_its_name(account: Account) -> None:
    sound = sounds.add(account, file("Привет.wav"))
    assert sounds.page(account, limit=5, offset=0) == ([sounds.Entry(sound, len(whole(sound)), None)], 1)
    assert (sound.name, sound.filename, sound.seconds) == ("Привет.wav", "Привет.wav", pytest.approx(1))


def test_what_is_there_keeps_its_name(account: Account) -> None:
    first = sounds.add(account, file("one.wav"))
    sounds.rename(account, first.pk, " Greeting ")
    again = sounds.add(account, file("two.wav"))
    assert (again.pk, again.name) == (first.pk, "Greeting")


def test_an_intro_of_the_api_comes_into_the_library_when_it_is_uploaded(account: Account) -> None:
    sound = sounds.add(account, file())
    playing(account, sound)
    sounds.remove(account, sound.pk)
    assert sounds.library(account) == []
    assert sounds.add(account, file("again.wav")).pk == sound.pk
    assert [one.name for one in sounds.library(account)] == ["again.wav"]


def test_names_have_nothing_that_cannot_be_printed(account: Account) -> None:
    assert sounds.add(account, file("a\x00b\nc.wav")).name == "abc.wav"
    assert len(sounds.add(account, file("x" * 255, hertz=800)).name) == 200


def test_what_is_no_sound_is_refused(account: Account) -> None:
    with pytest.raises(InvalidInput, match="not an audio file"):
        sounds.add(account, ContentFile(b"hello", "hello.mp3"))
    assert not Sound.objects.exists()


def test_more_than_the_limit_is_not_even_read(account: Account) -> None:
    endless = ContentFile(bytes(11 * 2**20), "endless.wav")
    with pytest.raises(InvalidInput, match="larger than 10 MB"):
        sounds.add(account, endless)
    assert endless.tell() == 10 * 2**20 + 1


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\x00b"])
def test_a_name_that_cannot_be_used(account: Account, name: str) -> None:
    sound = sounds.add(account, file())
    with pytest.raises(InvalidInput):
        sounds.rename(account, sound.pk, name)


def test_one_in_use_is_out_of_the_library_and_goes_on_playing(account: Account) -> None:
    sound = sounds.add(account, file())
    batch = playing(account, sound)
    sounds.remove(account, sound.pk)
    assert sounds.page(account, limit=5, offset=0) == ([], 0)
    assert sounds.get(account, sound.pk) == sound
    batches.delete(account, batch.pk)
    assert not Sound.objects.exists()


def test_one_in_the_library_stays_when_its_last_batch_goes(account: Account) -> None:
    sound = sounds.add(account, file())
    batch = playing(account, sound)
    batches.update(account, batch.pk, Draft({"intro": None}))
    batches.delete(account, batch.pk)
    assert sounds.library(account) == [sound]
    sounds.remove(account, sound.pk)
    assert not Sound.objects.exists()


def test_who_plays_it(account: Account) -> None:
    used, unused = sounds.add(account, file()), sounds.add(account, file(hertz=600))
    _older, newer, gone = (playing(account, used) for _ in range(3))
    Batch.objects.filter(pk=gone.pk).update(deleting=True)
    entries, _total = sounds.page(account, limit=5, offset=0)
    assert [(entry.sound, entry.use) for entry in entries] == [(unused, None), (used, sounds.Use(2, newer))]


def test_nobody_has_another_account_s_sounds(account: Account) -> None:
    sound = sounds.add(account, file())
    other = accounts.create_user("other@example.org")[0].account
    assert sounds.library(other) == []
    for work in (
        lambda: sounds.get(other, sound.pk),
        lambda: sounds.rename(other, sound.pk, "Mine"),
        lambda: sounds.remove(other, sound.pk),
    ):
        with pytest.raises(NotFound):
            work()
    assert sounds.library(account)[0].name == "hello.wav"


def test_it_is_a_wav_that_others_read(account: Account) -> None:
    with wave.open(io.BytesIO(whole(sounds.add(account, file(seconds=2))))) as read:
        assert (read.getframerate(), read.getnchannels(), read.getsampwidth()) == (8000, 1, 2)
        heard = samples(read.readframes(read.getnframes()))
    assert heard.size == pytest.approx(16_000, abs=100)
    assert peak_hertz(heard, 8000) == pytest.approx(440, abs=2)


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (0, 44), (10, 60), (43, 45), (44, 46), (45, 1000), (1000, None)])
def test_any_part_is_that_part_of_the_whole(account: Account, start: int, stop: int | None) -> None:
    sound = sounds.add(account, file())
    size = sounds.size(sound)
    assert sounds.wav(sound, range(start, stop or size), size) == whole(sound)[start:stop]


def test_the_waveform_follows_the_loudness(account: Account) -> None:
    quiet_then_loud = np.concatenate([np.zeros(16_000, np.float32), speech(1, 16_000)])
    bars = sounds.waveform(sounds.add(account, ContentFile(encoded(quiet_then_loud, 16_000), "a.wav")))
    assert len(bars) <= sounds.BARS
    assert all(0 <= bar <= 100 for bar in bars)
    assert max(bars[: len(bars) // 2 - 5]) < 5
    assert max(bars[len(bars) // 2 :]) > 20


def test_a_sound_of_nothing_has_a_waveform(account: Account) -> None:
    assert sounds.waveform(Sound.objects.create(account=account, digest="d", seconds=0, pcm=b"")) == []
