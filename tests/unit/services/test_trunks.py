"""Trunks as people write them."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.domain.errors import InvalidInput
from calldron.services import trunks
from calldron.services.errors import NotFound
from calldron.services.trunks import Address
from calldron.store.models import TrunkRow


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("sip:sip.example.org", Address("sip.example.org")),
        ("sip:10.0.0.1:5070", Address("10.0.0.1", 5070)),
        ("sip:[2001:db8::1]:5080;transport=tcp", Address("2001:db8::1", 5080, "tcp")),
        ("SIP:joe@sip.example.org;Transport=UDP", Address("sip.example.org", username="joe")),
        (
            "sip:joe:p%40ss%3aword@sip.example.org:5060;transport=tcp",
            Address("sip.example.org", 5060, "tcp", "joe", "p@ss:word"),
        ),
    ],
)
def test_an_address_is_read(uri: str, address: Address) -> None:
    assert trunks.parse(uri) == address


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("", "A trunk is written sip:USER:PASSWORD@HOST"),
        ("sip.example.org", "A trunk is written"),
        ("sips:sip.example.org", "TLS is not available yet"),
        ("sip:joe:secret@sip.example.org:0", "from 1 to 65535"),
        ("sip:joe:secret@sip.example.org:x", "from 1 to 65535"),
        ("sip:joe:secret@sip.example.org;transport=tls", "udp or tcp"),
        ("sip:joe:secret@sip.example.org;lr", "lr is not a parameter"),
        ("sip:joe:secret@-bad-", "not a host name"),
        ("sip:joe:secret@two@hosts", "A trunk is written"),
        ("sip:joe:se@cret:secret@host", "A trunk is written"),
        ("sip::secret@sip.example.org", "no user before it"),
        ("sip:joe:secret%0d%0a@sip.example.org", "printable"),
    ],
)
def test_what_is_none_is_refused_without_repeating_the_password(uri: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        trunks.parse(uri)
    assert words in str(refusal.value)
    assert "secret" not in str(refusal.value)


@given(st.text())
def test_any_text_is_a_trunk_or_refused(uri: str) -> None:
    with suppress(InvalidInput):
        trunks.parse(f"sip:{uri}")


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(trunks.parse("sip:joe:secret@sip.example.org"))


@pytest.mark.django_db
class TestList:
    def test_is_kept_in_the_order_of_trial(self) -> None:
        trunks.add("second", "sip:b.example", priority=2, cps=1.5, channels=10, caller_id="8 800 555-35-35")
        trunks.add("first", "sip:a.example", priority=1)
        assert [trunk.name for trunk in trunks.listed()] == ["first", "second"]
        second = trunks.named("second")
        assert (second.cps, second.channels, second.caller_id) == (1.5, 10, "+88005553535")

    @pytest.mark.parametrize(
        ("name", "options", "field"),
        [
            ("", {}, "name"),
            ("a b", {}, "name"),
            ("ok", {"cps": -1}, "cps"),
            ("ok", {"cps": float("nan")}, "cps"),
            ("ok", {"cps": 1e-9}, "cps"),
            ("ok", {"cps": 10_001}, "cps"),
            ("ok", {"channels": -1}, "channels"),
            ("ok", {"priority": -1}, "priority"),
            ("ok", {"priority": 1001}, "priority"),
            ("ok", {"caller_id": "me"}, "caller_id"),
        ],
    )
    def test_refuses_what_can_t_be(self, name: str, options: dict[str, float], field: str) -> None:
        with pytest.raises(InvalidInput) as refusal:
            trunks.add(name, "sip:a.example", **options)
        assert refusal.value.field == field
        assert not trunks.listed()

    def test_has_a_name_once(self) -> None:
        trunks.add("one", "sip:a.example")
        with pytest.raises(InvalidInput, match="already"):
            trunks.add("one", "sip:b.example")

    def test_changes_what_is_given_and_nothing_else(self) -> None:
        trunks.add("one", "sip:joe:secret@a.example", cps=2, channels=3, caller_id="+74951234567", priority=4)
        TrunkRow.objects.update(strain=3, tat=5)
        before = TrunkRow.objects.values().get()
        assert trunks.change("one", cps=0.5).cps == 0.5
        assert trunks.change("one", channels=0, caller_id="", priority=0).priority == 0
        trunks.change("one")
        assert TrunkRow.objects.values().get() == before | {"cps": 0.5, "channels": 0, "caller_id": "", "priority": 0}

    @pytest.mark.parametrize(
        ("options", "field"),
        [
            ({"cps": -1}, "cps"),
            ({"channels": -1}, "channels"),
            ({"caller_id": "x"}, "caller_id"),
            ({"priority": -1}, "priority"),
        ],
    )
    def test_changes_nothing_to_what_can_t_be(self, options: dict[str, Any], field: str) -> None:
        trunks.add("one", "sip:a.example")
        before = TrunkRow.objects.values().get()
        with pytest.raises(InvalidInput) as refusal:
            trunks.change("one", **({"priority": 5} | options))
        assert refusal.value.field == field
        assert TrunkRow.objects.values().get() == before
        with pytest.raises(NotFound, match="no trunk two"):
            trunks.change("two", cps=1)

    def test_forgets(self) -> None:
        trunks.add("one", "sip:a.example")
        trunks.remove("one")
        assert not trunks.listed()
        with pytest.raises(NotFound, match="no trunk one"):
            trunks.remove("one")
