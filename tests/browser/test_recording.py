"""An intro spoken into a microphone. A module of its own: its browser is started with other flags than the others'."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from shutil import which

import pytest
import soundfile
from playwright.sync_api import Browser, expect, sync_playwright
from sounds import encoded, peak_hertz, rms, speech
from support import pictures
from support.desk import Desk, drawn
from web_server import WebServer


@pytest.fixture
def microphone(tmp_path: Path) -> Iterator[Browser]:
    """A browser whose microphone is there, is allowed, and hears somebody speak."""
    spoken = tmp_path / "speech.wav"
    spoken.write_bytes(encoded(speech(5, 48_000, 0.4), 48_000))
    flags = [
        "--no-sandbox",
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={spoken}",
    ]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=which("chromium"), args=flags)
        yield started
        started.close()


def test_an_intro_is_recorded_here(server: WebServer, microphone: Browser) -> None:
    context = microphone.new_context(locale="en")
    desk = Desk(context, server, "voice@example.org")
    page = desk.open("/batches/new")
    page.get_by_label("Name").fill("With my voice")
    for _again in range(2):
        page.get_by_role("button", name="Record my voice").click()
        expect(page.locator("[data-clock]")).to_have_text("0:02", timeout=15_000)
        pictures.snap(page, "recording")
        page.get_by_role("button", name="End the recording").click()
        drawn(page, "[data-wave]")
    expect(page.locator("[data-trouble]")).to_be_hidden()
    page.get_by_role("button", name="Make it, then add numbers").click()
    page.wait_for_url(re.compile(r"/batches/\d+/import"))
    (batch,) = desk.batches()
    assert batch["intro_filename"].startswith("Recording ")
    page = desk.open("/sounds/")
    address = page.locator("ul.sounds audio").get_attribute("src")
    heard, rate = soundfile.read(io.BytesIO(context.request.get(f"{server.url}{address}").body()), dtype="float32")
    assert rate == 8000
    assert heard.size / rate == pytest.approx(2.5, abs=1)
    loud = heard[abs(heard) > 0.05]
    assert loud.size > 400, "nothing is heard in it"
    assert rms(loud) > -25
    overtone = peak_hertz(heard, rate) / 130  # of the voice
    assert overtone == pytest.approx(round(overtone), abs=0.03)
    assert desk.complaints == []
    context.close()
