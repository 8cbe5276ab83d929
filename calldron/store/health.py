"""What the ends of legs say about the trunks that carried them: refused and slowed, or well again."""

from collections.abc import Sequence
from dataclasses import dataclass

from calldron.dialer.ports import LegProgress
from calldron.domain.outcome import refused_by_trunk
from calldron.domain.strain import Strain
from calldron.store.session import Session


@dataclass(frozen=True, slots=True)
class _Told:
    """A leg's end as its trunk's doing: ``refused``, or else carried to the callee's side."""

    step: LegProgress
    refused: bool


def heed(session: Session, steps: Sequence[LegProgress]) -> None:
    """Slow trunks that refused calls, let those recover that carry them: the next call leaves after a pause of the new
    pace. Comes before anything else is written in its
    transaction: trunks are locked first everywhere. While all is well it costs one look at the trunks."""
    told = [one for one in map(_told, steps) if one is not None]
    if not told or not (any(one.refused for one in told) or session.row(_ANY_STRAINED)):
        return
    trunks = {row[0]: list(row[1:]) for row in session.rows(_TRUNKS + session.lock)}
    legs = {leg: (trunk, left) for leg, trunk, left in session.rows(_LEGS, [one.step.leg_id for one in told])}
    for one in told:
        trunk_id, left = legs.get(one.step.leg_id, (None, None))
        trunk = trunks.get(trunk_id)
        at, ending = one.step.ended_at, one.step.ending
        if trunk is None or at is None or ending is None:
            continue
        cps, level, changed_at, until, carried_at, tat = trunk
        strain = Strain(level, changed_at, until)
        if one.refused:
            strain = strain.refused(at, cps, ending.retry_after)
            if strain.level > level:
                trunk[5] = strain.pace(cps).spent(tat, at.timestamp(), 1)
        else:
            strain = strain.carried(at, left)
            trunk[4] = max(left, carried_at or left)  # what left before a refusal says nothing of it
        trunk[1:4] = strain.level, strain.changed_at, strain.until
    session.run_each(_STRAINED, [(*trunk[1:], trunk_id) for trunk_id, trunk in trunks.items()])


def _told(step: LegProgress) -> _Told | None:
    ending = step.ending
    if ending is None:
        return None
    if refused_by_trunk(ending):
        return _Told(step, refused=True)
    return _Told(step, refused=False) if ending.answered or ending.reached else None


_ANY_STRAINED = "SELECT 1 FROM store_trunkrow WHERE strain > 0 OR strain_until IS NOT NULL"

_TRUNKS = """
SELECT id, cps, strain, strain_changed_at, strain_until, carried_at, tat FROM store_trunkrow ORDER BY priority, id
"""

_LEGS = "SELECT id, trunk_id, intended_at FROM store_legrow WHERE id IN %s"

_STRAINED = """
UPDATE store_trunkrow SET strain = %s, strain_changed_at = %s, strain_until = %s, carried_at = %s, tat = %s
WHERE id = %s
"""
