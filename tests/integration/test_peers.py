"""The peers by themselves: what the tests that use them rely on, shown with no code of ours in the call."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from peers import asterisk, sipp
from peers.ports import free_port, wait_until
from peers.starting import StartCallee, StartPhone

from calldron.media import g711, tones


@pytest.fixture(scope="module")
def load_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def dialer(carrier: asterisk.Asterisk, load_port: int) -> Iterator[asterisk.Asterisk]:
    with asterisk.dialer(carrier.sip_port, load_port) as running:
        yield running


@pytest.mark.parametrize(
    ("number", "scenario"),
    [("+79990009000", "uac_call"), ("+79990004100", "uac_cancel"), ("+79990000000", "uac_options")],
)
def test_sipp_calls_the_carrier(carrier: asterisk.Asterisk, tmp_path: Path, number: str, scenario: str) -> None:
    result, caller = sipp.call(tmp_path, scenario, carrier.address, number)

    assert result.ok, result
    assert result.successful == 1
    assert caller.received("SIP/2.0 200")


def test_the_carrier_refuses_by_its_plan(carrier: asterisk.Asterisk, tmp_path: Path) -> None:
    result, caller = sipp.call(tmp_path, "uac_call", carrier.address, "+79990005003")

    assert result.failed == 1
    assert caller.received("SIP/2.0 403")


# Scenario to what may come in any order there, and whether the caller has to give up for it to end.
FOLLOWED = {
    "answer": {},
    "busy": {},
    "crossing_cancel": {"gives_up": True},
    "decline_603": {},
    "early_bye": {},
    "early_media": {},
    "hold": {},
    "late_200": {},
    "moved_302": {},
    "overloaded_503": {},
    "reliable_183": {},
    "repeated_200": {"tolerant": True},
    "ring_for_ever": {"gives_up": True},
    "sha256_401": {},
    "stale_nonce_407": {},
    "trying_only": {"gives_up": True},
    "update_refresh": {},
    "upper_case_transport": {},
    "wrong_password_407": {},
}
CALLEES = {file.stem for file in Path(sipp.__file__).parent.glob("*.xml") if not file.stem.startswith("uac_")}


def test_every_scenario_of_a_callee_is_shown() -> None:
    # Asterisk asks no call whether it is still there: two are for ours alone.
    assert CALLEES - {"silence", "asked", "forgetful_481"} == set(FOLLOWED)


@pytest.mark.parametrize("scenario", sorted(FOLLOWED))
def test_a_caller_we_did_not_write_follows_the_scenario(
    dialer: asterisk.Asterisk, load_port: int, tmp_path: Path, scenario: str
) -> None:
    tolerant = FOLLOWED[scenario].get("tolerant", False)
    with sipp.callee(tmp_path, scenario, port=load_port, tolerant=tolerant) as callee:
        dialer.cli("channel originate PJSIP/1000@sipp application Wait 1")
        if FOLLOWED[scenario].get("gives_up"):
            wait_until(lambda: bool(callee.received("INVITE")) and len(callee.messages()) > 1, "it is called", 10)
            dialer.cli("channel request hangup all")
        result = callee.wait()

    assert result.ok, f"{result}\n{callee.messages()}"


def test_silence_is_silent(sipp_callee: StartCallee, tmp_path: Path) -> None:
    callee = sipp_callee("silence")

    result, caller = sipp.call(tmp_path, "uac_call", callee.address, "1000", seconds=2)

    assert not result.ok
    assert all(message.startswith("> ") for message in caller.messages())


def test_the_carrier_keeps_what_it_hears(carrier: asterisk.Asterisk, dialer: asterisk.Asterisk, tmp_path: Path) -> None:
    """Number 32NN: the A-law octets of the call, the caller's prompt among them unaltered."""
    number = "+79990003205"
    dialer.cli(f"channel originate PJSIP/{number}@trunk application Playback thanks")
    wait_until((carrier.monitor / "79990003205.alaw").exists, "the carrier records", 10)
    wait_until(lambda: carrier.channels() == 0, "the call ends", 10)

    # The first frames leave before the carrier listens: compare from the second word on.
    said = g711.encode(tones.speech(1.5), g711.Codec.PCMA)
    assert said[4000:10000] in carrier.recorded(number)


def test_baresip_answers_and_echoes(carrier: asterisk.Asterisk, baresip_callee: StartPhone, tmp_path: Path) -> None:
    phone = baresip_callee()
    with asterisk.dialer(carrier.sip_port, phone.port) as caller:
        caller.cli("channel originate PJSIP/callee@sipp application Playback thanks")
        wait_until(lambda: caller.channels() == 1, "baresip answers", 10)
        wait_until(lambda: caller.channels() == 0, "the prompt ends", 10)
    phone.stop()

    heard = np.frombuffer(phone.heard(), "<i2")
    assert np.abs(heard).max() > 1000
