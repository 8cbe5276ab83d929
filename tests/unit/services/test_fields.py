"""Whatever JSON can hold is read or refused in words, and what was read can be used."""

import json
from typing import Any

from django.utils.translation import override
from hypothesis import given
from hypothesis import strategies as st

from calldron.domain.calendar import WEEKDAYS, Calendar
from calldron.domain.outcome import Fault, Outcome
from calldron.domain.retry import RetryPolicy
from calldron.services import account_fields, batch_fields
from calldron.services.errors import FieldError
from calldron.store.models import Account, Batch

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["0", "1", "20", "0.5", "09:00-18:00", "RU", "2026-12-31", "callee", "Moscow", "*", "+79991110001"]
    )
    | st.sampled_from(["\ud800", "\x00", "1" * 400, "９", "1e5", " 1", "-0", "Infinity"])
)
NAMES = st.sampled_from(
    [*WEEKDAYS, "holidays", *map(str, Outcome), "attempts", "delay", "Busy", "MON", "", "\ud800"]
) | st.text(max_size=5)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)


def draft_of(fields: dict[str, Any], batch: Batch | None) -> tuple[batch_fields.Draft, list[FieldError]]:
    errors: list[FieldError] = []
    return batch_fields.read(Account(time_zone="Europe/Moscow"), fields, errors, batch), errors


@given(
    st.dictionaries(st.sampled_from(sorted(batch_fields.NAMES)) | st.text(max_size=5), JSON, max_size=4),
    st.sampled_from([None, Batch(), Batch(time_zone="callee", opt_out_digit="1", minute_from=0)]),
    st.sampled_from(["en", "ru"]),
)
def test_any_batch(fields: dict[str, Any], batch: Batch | None, language: str) -> None:
    with override(language):
        draft, errors = draft_of(fields, batch)
    for error in errors:
        assert error.message
        assert any(error.field == name or error.field.startswith(f"{name}.") for name in fields)
    if not errors:
        read = Batch(**{column: value for column, value in draft.columns.items() if column != "intro"})
        assert 0 <= read.cps <= batch_fields.FASTEST
        assert read.cps == 0 or read.cps >= 0.001
        json.dumps([read.retry, read.days], allow_nan=False).encode()


@given(st.dictionaries(NAMES, JSON, max_size=3))
def test_any_retry(given: dict[str, Any]) -> None:
    draft, errors = draft_of({"retry": given}, None)
    if not errors:
        policy = RetryPolicy.read(json.loads(json.dumps(draft.columns["retry"])))
        for outcome in Outcome:
            policy.again(outcome, Fault.CALLEE, 1)
            assert 0 <= policy.delay(outcome, 30) <= 604_800


@given(st.dictionaries(st.sampled_from([*WEEKDAYS, "holidays"]), JSON, max_size=7))
def test_any_days(given: dict[str, Any]) -> None:
    draft, errors = draft_of({"days": given}, None)
    if not errors:
        calendar = Calendar.read(json.loads(json.dumps(draft.columns["days"])), lambda _code: ())
        assert any(calendar.week)


@given(st.dictionaries(st.sampled_from([*account_fields.NAMES, "cps"]) | st.text(max_size=5), JSON, max_size=4))
def test_any_account(given: dict[str, Any]) -> None:
    errors: list[FieldError] = []
    columns = account_fields.read(given, errors)
    assert all(error.message and error.field in given for error in errors)
    if not errors:
        Account(**({"name": "x"} | columns)).clean_fields(exclude=["caller_id", "time_zone"])
