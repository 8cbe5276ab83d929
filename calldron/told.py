"""Trunks and accounts as the command line shows them: one line each."""

from datetime import datetime

from calldron.domain.strain import HIGHEST, Strain
from calldron.store.models import Account, TrunkRow


def of_trunk(row: TrunkRow, now: datetime) -> str:
    """A trunk without its password. ``slowed``: it refused calls of late; it recovers by itself."""
    level = Strain(row.strain, row.strain_changed_at, row.strain_until).at(now).level
    user_at = f"{row.username}@" if row.username else ""
    parts = [
        row.name,
        f"sip:{user_at}{row.host}:{row.port};transport={row.transport}",
        f"priority {row.priority}",
        _limits(row.cps, row.channels),
    ]
    if row.caller_id:
        parts.append(f"caller id {row.caller_id}")
    if level:
        parts.append(f"slowed: level {level} of {HIGHEST}")
    return "  ".join(parts)


def of_account(account: Account) -> str:
    """An account: its name, its limits, and how often it calls one number."""
    periods = {"day": account.quota_day, "week": account.quota_week, "month": account.quota_month}
    quotas = ", ".join(f"{most} a {period}" for period, most in periods.items() if most)
    return "  ".join(
        (
            account.name,
            _limits(account.cps, account.channels),
            f"one number {quotas}" if quotas else "no quotas",
            account.time_zone,
        )
    )


def _limits(cps: float, channels: int) -> str:
    return f"cps {cps:g}, channels {channels}" if cps or channels else "no limits"
