"""Batches and sounds by mouse and keyboard: made, heard, seen, recorded, run."""

import re
from collections.abc import Iterator
from itertools import count

import pytest
from playwright.sync_api import Browser, expect
from sounds import encoded, sine, speech
from support import pictures
from support.desk import Desk, drawn
from web_server import WebServer

PEOPLE = count()


@pytest.fixture
def desk(server: WebServer, browser: Browser) -> Iterator[Desk]:
    context = browser.new_context(locale="en")
    yield Desk(context, server, f"desk{next(PEOPLE)}@example.org")
    context.close()


def wav(name: str = "hello.wav", hertz: float = 440) -> dict[str, object]:
    return {"name": name, "mimeType": "audio/wav", "buffer": encoded(sine(hertz, 2, 16_000), 16_000)}


def test_a_batch_with_an_uploaded_intro(desk: Desk) -> None:
    page = desk.open("/batches/")
    pictures.take(desk.page, "batches-empty")
    page.get_by_role("button", name="Make the first batch").click()
    page.get_by_label("Name").fill("Reminders")
    page.get_by_label("or a new one").set_input_files(wav("hello.wav"))
    drawn(page, "[data-wave]")
    page.locator("[data-audio]").evaluate("audio => audio.play()")
    page.wait_for_function("() => document.querySelector('[data-audio]').currentTime > 0.2")
    page.get_by_role("textbox", name="Operator").fill("+7 495 000-11-22")
    page.get_by_text("More: what counts as a yes").click()
    page.get_by_text("press a key").click()
    page.get_by_label("Keys that confirm").fill("1")
    pictures.take(desk.page, "batch-new")
    page.get_by_role("button", name="Make it, then add numbers").click()
    page.wait_for_url(re.compile(r"/batches/\d+/import"))
    (batch,) = desk.batches()
    told = {name: batch[name] for name in ("name", "intro_filename", "callback", "confirmation", "confirm_digits")}
    assert told == {
        "name": "Reminders",
        "intro_filename": "hello.wav",
        "callback": "+7 495 000-11-22",
        "confirmation": "dtmf",
        "confirm_digits": "1",
    }
    page = desk.open("/sounds/")
    drawn(page, "[data-waveform]")
    page.locator("ul.sounds audio").evaluate("audio => audio.play()")
    page.wait_for_function("() => document.querySelector('ul.sounds audio').currentTime > 0.2")
    expect(page.get_by_text("played by")).to_be_visible()
    pictures.take(desk.page, "sounds")
    assert desk.complaints == []


def test_mistakes_are_shown_beside_their_fields(desk: Desk) -> None:
    page = desk.open("/batches/new")
    page.get_by_label("or a new one").set_input_files(wav("kept.wav"))
    page.get_by_role("textbox", name="Operator").fill("nobody")
    page.get_by_text("More: calling again").click()
    page.get_by_label("Attempts", exact=True).fill("99")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").first).to_contain_text("Not saved yet")
    expect(page.get_by_role("textbox", name="Operator")).to_be_focused()
    expect(page.get_by_text("This must be a whole number from 1 to 20.")).to_be_visible()
    expect(page.get_by_label("From the library").locator("option:checked")).to_contain_text("kept.wav")
    drawn(page, "[data-wave]")
    pictures.take(desk.page, "batch-mistakes")
    assert [said for said in desk.complaints if "422" not in said] == []


def test_fields_that_do_nothing_for_a_kind_are_hidden(desk: Desk) -> None:
    page = desk.open("/batches/new")
    page.get_by_text("More: what counts as a yes").click()
    secretary = page.get_by_label("Seconds until the secretary calls")
    expect(secretary).to_be_hidden()
    page.locator("[name=type][value=callback]").check()
    expect(secretary).to_be_visible()
    expect(page.get_by_label("Keys that confirm")).to_be_hidden()
    page.get_by_text("press a key").click()
    expect(page.get_by_label("Keys that confirm")).to_be_visible()
    for more in ("calling again", "clock, days and holidays", "speed, caller id, recording"):
        page.get_by_text(f"More: {more}").click()
    expect(page.get_by_label("Time zone of numbers that don't tell theirs")).to_be_hidden()
    page.get_by_text("That of each person").click()
    expect(page.get_by_label("Time zone of numbers that don't tell theirs")).to_be_visible()
    pictures.take(desk.page, "batch-everything")
    assert desk.complaints == []


def test_a_file_is_dropped_taken_back_and_chosen_from_the_library(desk: Desk) -> None:
    page = desk.open("/sounds/")
    page.get_by_label("A new sound").set_input_files(wav("first.wav"))
    page.get_by_role("button", name="Add to the library").click()
    expect(page.get_by_text("“first.wav” is in the library.")).to_be_visible()
    page = desk.open("/batches/new")
    dropped = page.evaluate_handle(
        """bytes => {
          const files = new DataTransfer();
          files.items.add(new File([new Uint8Array(bytes)], "dropped.wav", { type: "audio/wav" }));
          return files;
        }""",
        list(encoded(speech(1, 16_000), 16_000)),
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": dropped})
    expect(page.locator("[data-name]")).to_have_text("dropped.wav")
    drawn(page, "[data-wave]")
    page.get_by_role("button", name="Take it back").click()
    expect(page.locator("[data-preview]")).to_be_hidden()
    page.get_by_label("From the library").select_option(label="first.wav (0:02)")
    drawn(page, "[data-wave]")
    page.locator("[data-audio]").evaluate("audio => audio.play()")
    page.wait_for_function("() => document.querySelector('[data-audio]').currentTime > 0.2")
    page.get_by_role("button", name="Make it, then add numbers").click()
    page.wait_for_url(re.compile(r"/batches/\d+/import"))
    assert desk.batches()[0]["intro_filename"] == "first.wav"
    assert desk.complaints == []


def test_a_file_that_is_too_large_is_told_before_it_is_sent(desk: Desk) -> None:
    page = desk.open("/sounds/")
    page.get_by_label("A new sound").set_input_files(
        {"name": "large.wav", "mimeType": "audio/wav", "buffer": bytes(10 * 2**20 + 1)}
    )
    expect(page.get_by_role("alert")).to_contain_text("larger than 10 MB")
    expect(page.locator("[data-preview]")).to_be_hidden()
    assert page.get_by_label("A new sound").input_value() == ""


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("NotAllowedError", "not allowed to use the microphone"),
        ("NotFoundError", "No microphone was found"),
        ("NotReadableError", "does not answer"),
    ],
)
def test_a_microphone_that_is_refused_is_told_in_words(desk: Desk, problem: str, words: str) -> None:
    desk.page.add_init_script(
        f"navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', '{problem}'))"
    )
    page = desk.open("/sounds/")
    page.get_by_role("button", name="Record my voice").click()
    expect(page.get_by_role("alert")).to_contain_text(words)
    expect(page.get_by_role("button", name="Record my voice")).to_be_visible()
    assert desk.complaints == []


def test_where_the_browser_lets_no_page_record_it_says_so(desk: Desk) -> None:
    desk.page.add_init_script("Object.defineProperty(Navigator.prototype, 'mediaDevices', { get: () => undefined })")
    page = desk.open("/sounds/")
    page.get_by_role("button", name="Record my voice").click()
    expect(page.get_by_role("alert")).to_contain_text("only over https")


def test_batches_are_run_from_the_list_with_the_keyboard(desk: Desk) -> None:
    long = "Напоминание о записи на приём к стоматологу-ортопеду-имплантологу, вторая волна (все филиалы, кроме Химок)"
    with desk.server.client(desk.key) as client:
        for name in (long, "Second", "Third"):
            made = client.post("/v1/batches", json={"name": name, "autostart": False, "days": {"sun": False}}).json()
            client.post(
                f"/v1/batches/{made['id']}/calls",
                json=[{"call": {"phone_number": f"+7999111{n:04}"}} for n in range(9)],
            )
    page = desk.open("/batches/")
    page.get_by_role("button", name="Start Second").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("“Second” has been started.")).to_be_visible()
    page.get_by_role("button", name="Pause Second").click()
    expect(page.get_by_text("“Second” is paused.")).to_be_visible()
    pictures.take(desk.page, "batches")
    page.get_by_label("Search by name").fill("СТОМАТОЛОГ")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    page = desk.open("/batches/")
    page.locator("tr", has_text="Second").get_by_role("button", name="More for “Second”").click()
    pictures.snap(page, "batches-more")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Duplicate")).to_have_count(0)
    page.get_by_role("button", name="Stop… Second").click()
    expect(page.get_by_text("9 calls that are not over yet are cancelled")).to_be_visible()
    pictures.take(desk.page, "batch-stop")
    page.get_by_role("button", name="Stop for good").click()
    expect(page.get_by_text("“Second” is stopped for good.")).to_be_visible()
    page.locator("tr", has_text="Second").get_by_role("button", name="More for “Second”").click()
    page.get_by_role("link", name="Delete").click()
    expect(page.get_by_text("9 calls with their history")).to_be_visible()
    pictures.take(desk.page, "batch-delete")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    assert desk.complaints == []


def test_without_scripts_it_works_too(server: WebServer, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en")
    desk = Desk(context, server, "plain@example.org")
    page = desk.open("/batches/new")
    expect(page.get_by_role("button", name="Record my voice")).to_be_hidden()
    expect(page.get_by_text("In callbacks: what the person hears")).to_be_visible()
    page.get_by_label("Name").fill("Plain")
    page.get_by_label("or a new one").set_input_files(wav("plain.wav", 500))
    page.get_by_role("button", name="Make it, then add numbers").click()
    page.wait_for_url(re.compile(r"/batches/\d+/import"))
    assert desk.batches()[0]["intro_filename"] == "plain.wav"
    context.close()
