"""How trunks do, in words: who refused calls, who is slowed and until when, what is up on them now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Sum
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from calldron.domain.strain import HIGHEST, Strain
from calldron.store.models import Attempt, TrunkRow


class State(StrEnum):
    """``WAITS``: it asked for a pause. ``SLOWED``: it refused calls and is tried slowly until it carries some."""

    WELL = "well"
    SLOWED = "slowed"
    WAITS = "waits"


@dataclass(frozen=True, slots=True)
class Health:
    """A trunk and how it does. ``up``: channels that calls hold now; ``pace``: calls a second that may leave, 0 for as
    many as come; ``refused_at``: when it refused calls last."""

    trunk: TrunkRow
    state: State
    level: int
    until: datetime | None
    refused_at: datetime | None
    pace: float
    up: int

    @property
    def words(self) -> str:
        """One sentence for people."""
        if self.state is State.WELL:
            return _("In order.")
        slowly = _("It refused calls or did not answer, so it is tried slowly (level %(level)d of %(most)d): %(pace)s.")
        told = [slowly % {"level": self.level, "most": HIGHEST, "pace": _pace(self.pace)}] if self.level else []
        if self.until is not None:
            at = date_format(localtime(self.until), "TIME_FORMAT")
            told.append(_("It asked to be left alone until %(at)s.") % {"at": at})
        return " ".join([*told, _("It recovers by itself.")])


def look(trunks: Sequence[TrunkRow], now: datetime) -> list[Health]:
    """Each of these trunks as it is now."""
    held = Attempt.objects.filter(ended_at__isnull=True).values_list("trunk").annotate(Sum("channels"))
    up = dict(held.order_by())
    return [_of(trunk, up.get(trunk.pk, 0), now) for trunk in trunks]


def _of(trunk: TrunkRow, up: int, now: datetime) -> Health:
    strain = Strain(trunk.strain, trunk.strain_changed_at, trunk.strain_until).at(now)
    state = State.WAITS if strain.until else State.SLOWED if strain.level else State.WELL
    # The limit as it was given; a slowed one has a pace of its own.
    pace = strain.pace(trunk.cps).rate if strain.level else trunk.cps
    return Health(trunk, state, strain.level, strain.until, strain.changed_at, pace, up)


def _pace(rate: float) -> str:
    if rate >= 1:
        return _("%(rate)s calls a second") % {"rate": number_format(f"{rate:.3g}")}
    return _("a call every %(seconds)d s") % {"seconds": round(1 / rate)}
