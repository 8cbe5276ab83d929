"""Telephone numbers by form, and which of them numbering plans rule out."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from calldron.domain.errors import InvalidNumber
from calldron.domain.numbers import SIP_URI, as_dialled, normalise
from calldron.services.numbering import suspect

DIGITS = st.text("0123456789", min_size=7, max_size=15)
SEPARATORS = " \t\u00a0\u2009\u202f()[]-\u2010\u2011\u2012\u2013\u2014\u2212"


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        ("+79997778855", "+79997778855"),
        ("+7491231212", "+7491231212"),  # the published reference's own, short for Russia
        ("79999802696", "+79999802696"),
        ("+7 (999) 777-88-55", "+79997778855"),
        ("(7) 999\u2013777\u00a088\u201155", "+79997778855"),
        ("1234567", "+1234567"),
        ("+123456789012345", "+123456789012345"),
    ],
)
def test_what_people_type_becomes_e164(raw: str, number: str) -> None:
    assert normalise(raw) == number


@pytest.mark.parametrize(
    "raw",
    [
        *("", "+", "123456", "+1234567890123456", "++79997778855", "7+9997778855", "+7999777885a", "tel:+79997778855"),
        *("٧٩٩٩٧٧٧٨٨٥٥", "+79997778855\n", "+7999777\x008855", "+79997778855,,1", "+7.999.777.88.55"),
    ],
)
def test_anything_else_is_refused(raw: str) -> None:
    with pytest.raises(InvalidNumber):
        normalise(raw)


@given(DIGITS, st.lists(st.tuples(st.integers(0, 15), st.sampled_from(SEPARATORS))), st.booleans())
def test_separators_change_nothing(digits: str, separators: list[tuple[int, str]], plus: bool) -> None:
    raw = list("+" * plus + digits)
    for place, separator in separators:
        raw.insert(min(place, len(raw)), separator)
    assert normalise("".join(raw)) == "+" + digits


@given(st.text())
def test_every_text_is_a_number_or_refused(raw: str) -> None:
    try:
        number = normalise(raw)
    except InvalidNumber:
        return
    assert number[0] == "+"
    assert 7 <= len(number[1:]) <= 15
    assert number[1:].isascii()
    assert number[1:].isdigit()
    assert normalise(number) == number == as_dialled(raw)


@pytest.mark.parametrize("uri", ["sip:agent@pbx.example", "SIP:100@10.0.0.1:5070;transport=tcp", "sip:[::1]:5060"])
def test_a_sip_uri_is_dialled_as_it_stands(uri: str) -> None:
    assert SIP_URI.fullmatch(uri)
    assert as_dialled(uri) == uri


@pytest.mark.parametrize(
    "uri", ["sip:", "sip:a b@c", "sip:a@b\r\nVia: x", "http://a", "sips:a@b", "sip:a@-", "sip:a@b:123456"]
)
def test_what_is_no_sip_uri(uri: str) -> None:
    assert not SIP_URI.fullmatch(uri)


@given(
    st.sampled_from(sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)), st.text("0123456789", min_size=4, max_size=14)
)
def test_suspect_is_what_phonenumbers_calls_impossible(country: int, rest: str) -> None:
    number = f"+{country}{rest}"[:16].ljust(8, "0")
    try:
        possible = phonenumbers.is_possible_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        possible = False
    assert suspect(number) is not possible


@pytest.mark.parametrize(
    ("number", "impossible"), [("+79997778855", False), ("+7491231212", True), ("+9990001122", True)]
)
def test_suspect_examples(number: str, impossible: bool) -> None:
    assert suspect(number) is impossible
