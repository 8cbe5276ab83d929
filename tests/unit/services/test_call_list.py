"""Calls are found by what became of them and by their number, a page at a time."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from calldron.domain.errors import InvalidInput
from calldron.services import accounts, call_list
from calldron.services.call_list import WAITING, Filter
from calldron.store.models import Account, Batch, Call

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ENDED = (("answered", "confirmed"), ("answered", "declined"), ("busy", None), ("answered", None))


@pytest.fixture
def account(db: None) -> Account:
    return accounts.create_user("owner@example.org")[0].account


@pytest.fixture
def batch(account: Account) -> Batch:
    """Forty calls: each fourth ended as another, the last ten wait, two of them for another try."""
    made = Batch.objects.create(account=account, name="B", total=40, unfinished=10)
    for place in range(40):
        status, result = ENDED[place % 4]
        waits = place >= 30
        if waits:
            status, result = ("busy" if place >= 38 else "queued"), None
        Call.objects.create(
            batch=made,
            account=account,
            number=f"+7999{place:02}0{place:04}",
            status=status,
            result=result,
            final=not waits,
            due_at=NOW if waits else None,
            created_at=NOW,
        )
    return made


def numbers(batch: Batch, **which: str) -> list[int]:
    """The places of the calls that are found."""
    return [int(call.number[-4:]) for call in call_list.page(batch, Filter(**which)).calls]


def test_calls_are_found_by_what_became_of_them(batch: Batch) -> None:
    assert numbers(batch) == list(range(40))
    assert numbers(batch, status="busy") == [*range(2, 30, 4), 38, 39]
    assert numbers(batch, status="answered", result="declined") == list(range(1, 30, 4))
    assert numbers(batch, result="confirmed") == list(range(0, 30, 4))
    assert numbers(batch, status=WAITING) == list(range(30, 40))
    assert numbers(batch, status="failed") == []


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("0017", [17]),
        ("017", [17]),
        ("+7999170", [17]),
        ("+7 (999) 170-00-17", [17]),
        ("8 999 170-00-17", [17]),
        ("7999170", [17]),
        ("79991700017", [17]),
        ("000", [0]),
        ("5555", []),
    ],
)
def test_calls_are_found_by_their_number(batch: Batch, q: str, found: list[int]) -> None:
    assert numbers(batch, q=q) == found


def test_number_and_status_go_together(batch: Batch) -> None:
    assert numbers(batch, q="0002", status="busy") == [2]
    assert numbers(batch, q="0002", status="answered") == []
    assert numbers(batch, q="0038", status=WAITING) == [38]


@pytest.mark.parametrize(
    "which", [{"q": "12"}, {"q": "+7999"}, {"q": "Ivan"}, {"status": "queued"}, {"result": "good"}]
)
def test_what_can_not_be_looked_for_is_said(batch: Batch, which: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        call_list.page(batch, Filter(**which))


@pytest.mark.parametrize("which", [Filter(), Filter(status="answered"), Filter(q="9990")])
def test_pages_follow_each_other_and_end(batch: Batch, which: Filter) -> None:
    every = list(call_list.filtered(batch, which.status, which.result, which.q).order_by("id"))
    after, seen = 0, []
    while True:
        page = call_list.page(batch, which, after=after, size=5)
        seen += page.calls
        if page.after is None:
            break
        after = page.after
    assert seen == every


def test_another_batch_has_no_part_in_it(batch: Batch, account: Account) -> None:
    other = Batch.objects.create(account=account, name="Other")
    assert numbers(other) == numbers(other, q="0017") == numbers(other, status="busy") == []


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="plans are SQLite's")
@pytest.mark.parametrize(
    "which",
    [
        Filter(),
        Filter(status="busy"),
        Filter(result="confirmed"),
        Filter(status="answered", result="confirmed"),
        Filter(status=WAITING),
        Filter(q="0017"),
        Filter(q="+7999170"),
    ],
)
def test_ids_are_found_within_an_index_that_holds_all_that_is_asked(batch: Batch, which: Filter) -> None:
    with CaptureQueriesContext(connection) as asked:
        call_list.page(batch, which)
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN QUERY PLAN " + asked[0]["sql"].replace("%", "%%"))
        steps = [row[3] for row in cursor.fetchall() if "SEARCH" in row[3] or "SCAN" in row[3]]
    assert steps
    assert all("COVERING INDEX" in step and "batch_id=?" in step for step in steps), steps
