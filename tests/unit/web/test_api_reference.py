"""The reference in the cabinet: for whoever is in, with their own address and ids, and never a key."""

import re

import pytest
from django.test import Client
from support import call_rows
from support.people import Person

from calldron.services import batches, calls, newest, setup, trial_calls
from calldron.services.batch_fields import Draft
from calldron.services.calls import NewCall
from calldron.web import samples
from calldron.web.samples import FileBody, InBase64, Request


@pytest.mark.parametrize("who", ["owner", "operator", "viewer", "outsider", "administrator"])
def test_whoever_is_in_reads_it(request: pytest.FixtureRequest, who: str) -> None:
    person: Person = request.getfixturevalue(who)
    shown = person.browser.get("/docs/").content.decode()
    assert "$CALLDRON_KEY" in shown
    assert ("on your profile" in shown) is (who in ("owner", "outsider", "administrator"))
    assert 'href="/docs/" aria-current="page"' in shown


def test_strangers_are_asked_to_sign_in(anonymous: Client, owner: Person) -> None:
    assert anonymous.get("/docs/").headers["Location"] == "/sign-in?next=/docs/"


def test_samples_have_the_account_s_newest_ids(owner: Person, outsider: Person) -> None:
    (batch,) = batches.create(owner.account, [Draft({"autostart": False})])
    (call,) = calls.create(owner.account, batch.pk, [NewCall("+79991234567", suspect=False)])
    (empty,) = batches.create(owner.account, [Draft()])
    batches.create(outsider.account, [Draft()])
    trial_calls.place(owner.account, call_rows.trunk(), "+79991234567")
    assert newest.ids(owner.account) == (batch.pk, call)
    shown = owner.browser.get("/docs/").content.decode()
    assert f"http://127.0.0.1:8000/v1/batches/{batch.pk}/calls/{call}/record.mp3" in shown
    assert f"/v1/batches/{empty.pk}/" not in shown
    assert newest.ids(outsider.account)[1] == 1


def test_the_language_of_samples_is_chosen_and_remembered(owner: Person) -> None:
    assert "curl -u $CALLDRON_KEY: " in owner.browser.get("/docs/").content.decode()
    assert "net/http" in owner.browser.get("/docs/?samples=ruby").content.decode()
    assert "net/http" in owner.browser.get("/docs/").content.decode()
    assert "curl_init" in owner.browser.get("/docs/?samples=php").content.decode()
    assert "curl -u" in owner.browser.get("/docs/?samples=cobol").content.decode()


def test_the_contents_lead_to_every_part(owner: Person) -> None:
    shown = owner.browser.get("/docs/").content.decode()
    for target in re.findall(r'href="#([\w-]+)"', shown):
        assert shown.count(f'id="{target}"') == 1, target
    for target in re.findall(r'data-copy="#([\w-]+)"', shown):
        assert shown.count(f'id="{target}"') == 1, target


@pytest.mark.parametrize("language", samples.LANGUAGES)
def test_a_sample_takes_the_key_from_the_environment(language: str) -> None:
    _title, write = samples.LANGUAGES[language]
    assert "CALLDRON_KEY" in write(Request("GET", "http://127.0.0.1/v1/"))


def test_a_shell_is_given_nothing_that_it_reads_otherwise() -> None:
    written = samples.curl(
        Request("PUT", "http://h/v1/x?a=1&b=2", {"name": "it's", "on": True, "intro": InBase64("a.mp3")})
    )
    assert "'http://h/v1/x?a=1&b=2'" in written
    assert "-X PUT" in written
    assert """-d '{"name": "it'\\''s", "on": true, "intro": "'$(base64 -w0 a.mp3)'"}'""" in written
    assert "--data-binary @n.csv" in samples.curl(Request("POST", "http://h/", FileBody("n.csv", "text/csv")))


def test_it_is_no_way_around_the_setup(anonymous: Client) -> None:
    assert setup.due()
    assert anonymous.get("/docs/").status_code == 302
