"""Channels that open attempts hold, by whose they are."""

from collections import Counter
from dataclasses import dataclass

from calldron.store.session import Session


@dataclass(frozen=True, slots=True)
class Holdings:
    """Channels held of each trunk, batch and account, by id."""

    trunks: Counter[int]
    batches: Counter[int]
    accounts: Counter[int]

    @classmethod
    def load(cls, session: Session) -> "Holdings":
        """Count them: one look at one index of open attempts."""
        holdings = cls(Counter(), Counter(), Counter())
        for trunk, batch, account, channels in session.rows(_HELD):
            holdings.trunks[trunk] += channels
            holdings.batches[batch] += channels
            holdings.accounts[account] += channels
        return holdings


_HELD = """
SELECT trunk_id, batch_id, account_id, SUM(channels) FROM store_attempt WHERE ended_at IS NULL
GROUP BY trunk_id, batch_id, account_id
"""
