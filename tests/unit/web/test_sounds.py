"""The library of sounds, and the sounds as files."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from sounds import encoded, sine
from support.people import Person

from calldron.store.models import AuditEntry, Batch, Sound

PCM = bytes(range(256)) * 100


def sound(of: Person, name: str = "Greeting", digest: str = "d") -> Sound:
    return Sound.objects.create(account=of.account, name=name, digest=digest, seconds=len(PCM) / 16_000, pcm=PCM)


def file(name: str = "hello.wav") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, encoded(sine(440, 1, 16_000), 16_000))


def page(who: Person) -> str:
    response = who.browser.get("/sounds/")
    assert response.status_code == 200
    return response.content.decode()


def noted() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("id").values_list("action", "subject"))


def test_it_says_what_there_is_and_who_plays_it(owner: Person, outsider: Person) -> None:
    used = sound(owner, "Greeting & more")
    sound(owner, "Unused", "e")
    sound(owner, "", "f")
    sound(outsider, "Secret", "g")
    for name in ("Old", "Mid", "New"):
        Batch.objects.create(account=owner.account, name=name, intro=used)
    shown = page(owner)
    assert "Greeting &amp; more" in shown
    assert "not used by a batch" in shown
    assert "New</a>" in shown
    assert "and 2 other batches" in shown
    assert "25.0\xa0KB" in shown
    assert "0:02" in shown
    assert shown.count("<audio") == 3  # and the one before it is used
    assert "Secret" not in shown


def test_an_empty_library_says_what_to_do(owner: Person, viewer: Person) -> None:
    assert "Upload a file or record your voice" in page(owner)
    assert "Operators and owners" in page(viewer)


def test_a_file_is_added(operator: Person) -> None:
    response = operator.browser.post("/sounds/add", {"sound": file("Привет.wav")}, follow=True)
    assert "Привет.wav" in response.content.decode()
    assert noted() == [("sound_added", "Привет.wav")]


@pytest.mark.parametrize(
    ("sent", "words"),
    [({}, "Choose a file, or record one."), ({"sound": SimpleUploadedFile("x.mp3", b"x" * 2000)}, "not an audio file")],
)
def test_what_cannot_be_added_is_told(operator: Person, sent: dict[str, object], words: str) -> None:
    response = operator.browser.post("/sounds/add", sent)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert noted() == []


def test_a_sound_is_renamed(operator: Person) -> None:
    one = sound(operator)
    operator.browser.post(reverse("sound-rename", args=[one.pk]), {"name": "Better"})
    one.refresh_from_db()
    assert one.name == "Better"
    operator.browser.post(reverse("sound-rename", args=[one.pk]), {"name": "Better"})
    assert noted() == [("sound_renamed", "Greeting → Better")]
    response = operator.browser.post(reverse("sound-rename", args=[one.pk]), {"name": " "}, follow=True)
    assert "Give the sound a name." in response.content.decode()


def test_one_in_use_goes_from_the_library_and_not_from_its_batch(operator: Person) -> None:
    used, unused = sound(operator), sound(operator, "Other", "e")
    Batch.objects.create(account=operator.account, intro=used)
    assert "goes on playing" in page(operator) or "go on playing" in page(operator)
    for one in (used, unused):
        operator.browser.post(reverse("sound-remove", args=[one.pk]))
    assert list(Sound.objects.all()) == [used]
    assert noted() == [("sound_removed", "Greeting"), ("sound_removed", "Other")]
    assert operator.browser.get(reverse("sound-audio", args=[used.pk])).status_code == 200


class TestAudio:
    def test_it_is_a_wav_that_browsers_keep_for_this_person_and_ask_after(self, viewer: Person) -> None:
        place = reverse("sound-audio", args=[sound(viewer).pk])
        response = viewer.browser.get(place)
        assert response["Content-Type"] == "audio/wav"
        assert response["Cache-Control"] == "private, no-cache"
        assert response.content[:4] == b"RIFF"
        assert response.content[44:] == PCM
        again = viewer.browser.get(place, headers={"If-None-Match": response["ETag"]})
        assert (again.status_code, again.content) == (304, b"")

    @pytest.mark.parametrize(
        ("asked", "first", "last"),
        [
            ("bytes=0-", 0, 25_643),
            ("bytes=44-143", 44, 143),
            ("bytes=-10", 25_634, 25_643),
            ("bytes=10-99999", 10, 25_643),
        ],
    )
    def test_ranges(self, viewer: Person, asked: str, first: int, last: int) -> None:
        place = reverse("sound-audio", args=[sound(viewer).pk])
        whole = viewer.browser.get(place).content
        response = viewer.browser.get(place, headers={"Range": asked})
        assert response.status_code == 206
        assert response["Content-Range"] == f"bytes {first}-{last}/25644"
        assert response.content == whole[first : last + 1]
        assert response["Content-Length"] == str(last - first + 1)

    def test_a_range_beyond_the_end(self, viewer: Person) -> None:
        response = viewer.browser.get(
            reverse("sound-audio", args=[sound(viewer).pk]), headers={"Range": "bytes=99999-"}
        )
        assert (response.status_code, response["Content-Range"]) == (416, "bytes */25644")

    def test_a_head_has_the_length(self, viewer: Person) -> None:
        response = viewer.browser.head(reverse("sound-audio", args=[sound(viewer).pk]), headers={"Range": "bytes=0-9"})
        assert (response.status_code, response["Content-Length"], response.content) == (200, "25644", b"")

    def test_the_waveform(self, viewer: Person) -> None:
        place = reverse("sound-waveform", args=[sound(viewer).pk])
        response = viewer.browser.get(place)
        assert set(response.json()) == {"seconds", "bars"}
        assert viewer.browser.get(place, headers={"If-None-Match": response["ETag"]}).status_code == 304


@pytest.mark.parametrize("what", ["rename", "remove"])
def test_who_may_change_one(
    owner: Person, viewer: Person, outsider: Person, administrator: Person, anonymous: Client, what: str
) -> None:
    one = sound(owner)
    place = reverse(f"sound-{what}", args=[one.pk])
    assert anonymous.post(place, {"name": "x"})["Location"].startswith("/sign-in")
    assert viewer.browser.post(place, {"name": "x"}).status_code == 403
    assert outsider.browser.post(place, {"name": "x"}).status_code == 404
    assert owner.browser.get(place).status_code == 405
    assert Sound.objects.get().name == "Greeting"
    assert place in page(owner)
    assert place not in page(viewer)
    assert administrator.browser.post(place, {"name": "x"}).status_code == 302
    assert not Sound.objects.filter(name="Greeting").exists()


def test_who_may_add_one(
    owner: Person, operator: Person, viewer: Person, administrator: Person, anonymous: Client
) -> None:
    assert anonymous.post("/sounds/add", {"sound": file()}).status_code == 302
    assert viewer.browser.post("/sounds/add", {"sound": file()}).status_code == 403
    assert "/sounds/add" not in page(viewer)
    assert not Sound.objects.exists()
    for person in (owner, operator, administrator):
        assert person.browser.post("/sounds/add", {"sound": file()}).status_code == 302
    assert Sound.objects.filter(account=owner.account).count() == 1


@pytest.mark.parametrize("name", ["sound-audio", "sound-waveform"])
def test_who_hears_it(
    owner: Person,
    operator: Person,
    viewer: Person,
    outsider: Person,
    administrator: Person,
    anonymous: Client,
    name: str,
) -> None:
    place = reverse(name, args=[sound(owner).pk])
    for person in (owner, operator, viewer, administrator):
        assert person.browser.get(place).status_code == 200
    assert outsider.browser.get(place).status_code == 404
    assert anonymous.get(place)["Location"].startswith("/sign-in")


def test_who_sees_the_library(owner: Person, outsider: Person, administrator: Person, anonymous: Client) -> None:
    sound(owner)
    assert "Greeting" in page(administrator)
    assert "Greeting" not in page(outsider)
    assert anonymous.get("/sounds/")["Location"] == "/sign-in?next=/sounds/"
