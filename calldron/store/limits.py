"""The limits of batches and accounts: calls a second and channels, beside those of the trunks."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from calldron.domain.pacing import Gcra
from calldron.domain.rule import Hold, Rule
from calldron.store.holdings import Holdings
from calldron.store.session import Session

# A batch whose own or whose account's channels are all held is looked at again so soon: nobody tells when one is free.
CHANNEL_LOOK = timedelta(milliseconds=250)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a batch or an account may use, and the state of its pace. 0 is no limit."""

    cps: float = 0.0
    channels: int = 0
    tat: float = 0.0


@dataclass(slots=True)
class _Share:
    """A limit during one claim."""

    pace: Gcra
    tat: float
    channels: int
    held: int
    spent: bool = False


class Limits:
    """Of the batches and accounts that a claim deals with. Whoever has none costs nothing."""

    def __init__(self, holdings: Holdings, now: datetime) -> None:
        self._holdings = holdings
        self._now = now
        self._batches: dict[int, _Share] = {}
        self._accounts: dict[int, _Share] = {}

    def know(self, batch_id: int, account_id: int, batch: Limit, account: Limit) -> None:
        """Take up what the rows say of a batch and of its account, once each."""
        _know(self._batches, batch_id, batch, self._holdings.batches)
        _know(self._accounts, account_id, account, self._holdings.accounts)

    def hold(self, batch_id: int, account_id: int, channels: int) -> Hold | None:
        """What keeps a call of so many channels of this batch from leaving now."""
        for shares, key, rate, full in (
            (self._batches, batch_id, Rule.BATCH_RATE, Rule.BATCH_CHANNELS),
            (self._accounts, account_id, Rule.ACCOUNT_RATE, Rule.ACCOUNT_CHANNELS),
        ):
            share = shares.get(key)
            if share is None:
                continue
            if share.channels and share.held + channels > share.channels:
                return Hold(full)
            moment = self._now.timestamp()
            if share.pace.ready(share.tat, moment) == 0:
                return Hold(rate, datetime.fromtimestamp(share.pace.ready_at(share.tat, moment), UTC))
        return None

    def could_ever_take(self, batch_id: int, account_id: int, channels: int) -> bool:
        """Whether the limits have so many channels at all."""
        shares = (self._batches.get(batch_id), self._accounts.get(account_id))
        return all(share is None or not share.channels or channels <= share.channels for share in shares)

    def spend(self, batch_id: int, account_id: int, channels: int) -> float:
        """Count a call that leaves, if need be ahead of its time; the seconds it has to wait."""
        wait = 0.0
        moment = self._now.timestamp()
        for share in (self._batches.get(batch_id), self._accounts.get(account_id)):
            if share is not None:
                wait = max(wait, share.pace.ready_at(share.tat, moment) - moment)
                share.tat = share.pace.spent(share.tat, moment, 1)
                share.held += channels
                share.spent = True
        return wait

    def save(self, session: Session) -> None:
        """Write down what was spent."""
        for table, shares in (("store_batch", self._batches), ("store_account", self._accounts)):
            spent = [(share.tat, key) for key, share in sorted(shares.items()) if share.spent and share.pace.rate]
            session.run_each(_SPENT[table], spent)


def _know(shares: dict[int, _Share], key: int, limit: Limit, held: Mapping[int, int]) -> None:
    if key not in shares and (limit.cps or limit.channels):
        shares[key] = _Share(Gcra.never_above(limit.cps), limit.tat, limit.channels, held[key])


_SPENT = {
    "store_batch": "UPDATE store_batch SET tat = %s WHERE id = %s",
    "store_account": "UPDATE store_account SET tat = %s WHERE id = %s",
}
