"""Trunks and accounts in one line each."""

from datetime import UTC, datetime, timedelta

from calldron import told
from calldron.store.models import Account, TrunkRow

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def test_a_trunk_is_told_without_its_password() -> None:
    row = TrunkRow(name="mine", host="sip.example.org", username="joe", password="secret", cps=0.5, channels=10)
    assert told.of_trunk(row, NOW) == (
        "mine  sip:joe@sip.example.org:5060;transport=udp  priority 0  cps 0.5, channels 10"
    )


def test_a_slowed_trunk_is_told_so() -> None:
    row = TrunkRow(name="mine", host="sip.example.org", caller_id="+74951234567", priority=2)
    row.strain, row.strain_changed_at = 3, NOW - timedelta(seconds=1)
    assert told.of_trunk(row, NOW) == (
        "mine  sip:sip.example.org:5060;transport=udp  priority 2  no limits  caller id +74951234567"
        "  slowed: level 3 of 10"
    )


def test_an_account_is_told_with_its_limits_and_quotas() -> None:
    account = Account(name="ann@example.org")
    assert told.of_account(account) == "ann@example.org  no limits  no quotas  Europe/Moscow"
    account.cps, account.quota_day, account.quota_month = 2, 1, 4
    assert told.of_account(account) == (
        "ann@example.org  cps 2, channels 0  one number 1 a day, 4 a month  Europe/Moscow"
    )
