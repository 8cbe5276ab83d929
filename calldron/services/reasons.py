"""The rules that hold calls and batches, said in words with their names and numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from calldron.domain.batch import BatchState
from calldron.domain.calendar import Hours
from calldron.domain.call import CallStatus
from calldron.domain.outcome import Outcome, Result
from calldron.domain.rule import Hold, Rule
from calldron.domain.schedule import Window
from calldron.domain.strain import Strain
from calldron.services import history
from calldron.store.counters import NEVER
from calldron.store.models import Attempt, Batch, Call, StopNumber, TrunkRow
from calldron.store.reports.look import Look, full_second
from calldron.store.reports.waiting import Glance


@dataclass(frozen=True, slots=True)
class OfCall:
    """What there is to say of a call that ``hold`` holds. ``ahead``: calls of its batch that come before it."""

    batch: Batch
    call: Call
    look: Look
    hold: Hold
    ahead: int = 0


@dataclass(frozen=True, slots=True)
class OfBatch:
    """What there is to say of a batch."""

    batch: Batch
    look: Look
    hold: Hold
    counted: Glance


def of_call(facts: OfCall) -> str:
    """Why the call does not go out."""
    words = _OF_CALL.get(facts.hold.rule)
    return words(facts) if words is not None else _shared(facts.batch, facts.look, facts.hold)


def of_batch(facts: OfBatch) -> str:
    """Why the batch does not dial, or that it does."""
    counted, hold = facts.counted, facts.hold
    if hold.rule is Rule.IN_PROGRESS:
        return _("Dialling: %(up)s up, %(waiting)s waiting.") % {
            "up": _many(counted.up),
            "waiting": _many(counted.waiting),
        }
    if hold.rule is Rule.FINAL:
        return _all_final(facts.batch, counted)
    if hold.rule is Rule.TURN:
        return _("Nothing holds it: %(waiting)s wait for their turn.") % {"waiting": _many(counted.waiting)}
    if not counted.due and hold.rule in _LATER:
        words = {"waiting": _many(counted.waiting), "at": _from(hold.until)}
        return str(_LATER[hold.rule]) % words
    reason = _shared(facts.batch, facts.look, hold)
    if not counted.up:
        return reason
    return reason + " " + _("Still up: %(up)s.") % {"up": _many(counted.up)}


def _all_final(batch: Batch, counted: Glance) -> str:
    if not counted.total:
        return _("There are no calls in it.")
    if not batch.dialed and Call.objects.filter(batch=batch, closed_by=Rule.STOP_LIST).exists():
        return _("Nobody was dialled: its numbers are on the stop list. Calls that are over: %(total)s.") % {
            "total": _many(counted.total)
        }
    return _("All of its calls are over: %(total)s.") % {"total": _many(counted.total)}


_LATER: Mapping[Rule, Promise] = {
    Rule.RETRY_DELAY: gettext_lazy("%(waiting)s wait for their next attempt, the first of them until %(at)s."),
    Rule.WINDOW: gettext_lazy(
        "%(waiting)s wait, none of them due: outside the hours in the zone of their numbers. The first may go out at "
        "%(at)s."
    ),
    Rule.QUOTA: gettext_lazy(
        "%(waiting)s wait, none of them due: their numbers were dialled as often as the account allows. The first may "
        "go out at %(at)s."
    ),
}


# ---------------------------------------------------------------- of one call


def _final(facts: OfCall) -> str:
    call = facts.call
    if call.closed_by == Rule.BATCH_STOPPED:
        return _("The batch was stopped before its turn came.")
    if call.status == CallStatus.CANCELED:
        if call.result == Result.CALLBACK_FAILED and not call.cancelled:  # nobody asked for it: the operator left
            return str(_RESULTS[Result.CALLBACK_FAILED])
        if facts.batch.state == BatchState.STOPPED and not call.cancelled:
            return _("The batch was stopped.")
        return _("It was taken back.")
    if call.status == CallStatus.ANSWERED or call.result:
        return str(_RESULTS[Result(call.result)] if call.result else history.OUTCOMES[Outcome.ANSWERED])
    if call.status == CallStatus.EXPIRED:
        return _("It was never dialled, and no attempt is left to it.")
    if call.status == CallStatus.UNKNOWN:
        return str(history.OUTCOMES[Outcome.UNKNOWN])
    return f"{_how_it_ended(call)} {_why_no_other(facts)}"


def _how_it_ended(call: Call) -> str:
    last = _last_attempt(call)
    return str(history.OUTCOMES[Outcome(call.status)]) if last is None else history.of_attempt(last)


def _why_no_other(facts: OfCall) -> str:
    call, attempts = facts.call, facts.look.turn.attempts
    if call.closed_by == Rule.ATTEMPTS or facts.look.turn.dials(call.client_dials, call.operator_dials).first is None:
        return _("Attempts made: %(made)d of %(most)d, so none follows.") % {"made": _made(call), "most": attempts}
    return _("A call that ended so is not tried again.")


_RESULTS: Mapping[Result, Promise] = {
    Result.CONFIRMED: gettext_lazy("It was answered, and the client confirmed."),
    Result.DECLINED: gettext_lazy("It was answered, and the client did not confirm."),
    Result.CONNECTED: gettext_lazy("Client and operator were connected."),
    Result.CALLBACK_FAILED: gettext_lazy("Client and operator could not be connected."),
    Result.SECRETARY: gettext_lazy("The secretary spoke to the client."),
    Result.MESSAGE: gettext_lazy("The client left a message."),
    Result.OPTED_OUT: gettext_lazy("The client asked by a key never to be called again."),
}


def _in_progress(facts: OfCall) -> str:
    if facts.call.cancelled:
        return _("It was taken back and is being hung up.")
    attempt = _last_attempt(facts.call)
    legs = [] if attempt is None else list(attempt.legs.all())
    if attempt is None or not legs:
        return _("It is under way.")
    return _("It is under way since %(at)s. %(number)s: %(leg)s") % {
        "at": _at(attempt.started_at),
        "number": legs[-1].number,
        "leg": history.of_leg(legs[-1]),
    }


def _stop_list(facts: OfCall) -> str:
    call = facts.call
    entry = StopNumber.objects.filter(account=call.account_id, number=call.number).first()
    if entry is None:
        return _("%(number)s was on the stop list when its turn came.") % {"number": call.number}
    words = {"number": call.number, "at": _at(entry.created_at)}
    if entry.source == "opt_out":
        return _("%(number)s is on the stop list since %(at)s: the client asked for it by a key.") % words
    return _("%(number)s is on the stop list since %(at)s, so it is not called.") % words


def _attempts(facts: OfCall) -> str:
    made, most = _made(facts.call), facts.look.turn.attempts
    if made < most:
        return _("There is nobody left to connect: the batch has neither an operator to be called nor an intro.")
    return _("Attempts made: %(made)d of %(most)d, so none follows.") % {"made": made, "most": most}


def _retry_delay(facts: OfCall) -> str:
    last = _last_attempt(facts.call)
    due = _("The next attempt is due at %(at)s.") % {"at": _from(facts.hold.until)}
    if last is None:
        return due
    made = {"made": _made(facts.call), "most": facts.look.turn.attempts, "at": _at(last.ended_at)}
    so_far = _("Attempts made: %(made)d of %(most)d, the last until %(at)s.") % made
    return f"{so_far} {history.of_attempt(last)} {due}"


def _turn(facts: OfCall) -> str:
    if not facts.ahead:
        return _("Nothing holds it: it is the next of its batch.")
    return _("Nothing holds it: it waits for its turn, %(ahead)s of its batch are before it.") % {
        "ahead": _many(facts.ahead)
    }


def _window_of_call(facts: OfCall) -> str:
    number = facts.call.number
    hours = facts.look.turn.hours
    window = hours.window(number)
    if window.is_open(facts.look.now):  # they were changed since the call was put off
        return _("The next attempt is due at %(at)s.") % {"at": _from(facts.hold.until)}
    words = _window(window, facts.look.now)
    if not hours.by_callee:
        return words
    return _("The hours of the batch are those of the client's zone. %(window)s") % {"window": words}


def _last_attempt(call: Call) -> Attempt | None:
    return Attempt.objects.filter(call=call).prefetch_related("legs").order_by("id").last()


def _made(call: Call) -> int:
    return max(call.client_dials, call.operator_dials)


_OF_CALL: Mapping[Rule, Callable[[OfCall], str]] = {
    Rule.FINAL: _final,
    Rule.IN_PROGRESS: _in_progress,
    Rule.STOP_LIST: _stop_list,
    Rule.ATTEMPTS: _attempts,
    Rule.RETRY_DELAY: _retry_delay,
    Rule.WINDOW: _window_of_call,
    Rule.TURN: _turn,
}


# ---------------------------------------------------------------- of both


def _shared(batch: Batch, look: Look, hold: Hold) -> str:
    return _SHARED[hold.rule](batch, look, hold)


def _fresh(_batch: Batch, _look: Look, _hold: Hold) -> str:
    return _("The batch has not been started.")


def _paused(_batch: Batch, _look: Look, _hold: Hold) -> str:
    return _("The batch is paused; resume it.")


def _stopped(_batch: Batch, _look: Look, _hold: Hold) -> str:
    return _("The batch is stopped for good.")


def _no_dialer(_batch: Batch, look: Look, _hold: Hold) -> str:
    if look.dialer_seen_at is None:
        return _('No dialer is running: start "calldron serve" or "calldron dialer".')
    return _("No dialer is running: the last one was seen at %(at)s.") % {"at": _at(look.dialer_seen_at)}


def _hours(batch: Batch, look: Look, _hold: Hold) -> str:
    return _window(look.turn.hours.window(""), look.now)


def _window(window: Window, now: datetime) -> str:
    """What keeps a window closed, by its own clock, and when it opens."""
    local = now.astimezone(window.zone)
    words = {"time": f"{local:%H:%M}", "day": _day(local), "zone": window.zone.key}
    holidays = window.calendar.holidays
    hours = window.calendar.week[local.weekday()]
    if holidays is not None and local.date() in holidays:
        closed = _("It is %(day)s in %(zone)s, a holiday of the batch.") % words
    elif hours is False:
        closed = _("It is %(day)s in %(zone)s, a day of the week on which the batch does not call.") % words
    else:
        usual = Hours(window.minute_from or 0, window.minute_to or 0)
        words["hours"] = str(usual if hours is True else hours)
        closed = _("It is %(time)s in %(zone)s, outside the hours of the batch, %(hours)s.") % words
    opens = window.opens_at(now)
    if opens is None:
        return closed + " " + _("No hour in which it calls is in sight.")
    there = opens.astimezone(window.zone)
    return closed + " " + _("They begin again on %(then)s there.") % {"then": f"{_day(there)} {there:%H:%M}"}


def _day(local: datetime) -> str:
    """As people write it in the cabinet, as ISO 8601 does in the API."""
    return f"{local:%Y-%m-%d}" if _is_for_programs() else date_format(local, "SHORT_DATE_FORMAT")


def _quota(_batch: Batch, look: Look, _hold: Hold) -> str:
    quota = look.turn.quota
    limits = [
        text % {"most": most}
        for text, most in (
            (_("%(most)d a day"), quota.day),
            (_("%(most)d a week"), quota.week),
            (_("%(most)d a month"), quota.month),
        )
        if most
    ]
    words = {"limits": ", ".join(limits), "zone": quota.zone.key}
    return _("The number was dialled as often as the account allows: %(limits)s, by the days of %(zone)s.") % words


def _no_trunk(_batch: Batch, _look: Look, _hold: Hold) -> str:
    return _('There is no trunk to carry calls: add one on the trunks page, or by "calldron trunk add".')


def _trunk_slowed(_batch: Batch, look: Look, hold: Hold) -> str:
    words = {"trunks": _slowed(look.now), "at": _from(hold.until)}
    return _("The trunk refused calls of late and is slowed (%(trunks)s): the next may leave at %(at)s.") % words


def _trunk_rate(_batch: Batch, _look: Look, _hold: Hold) -> str:
    limits = [_("%(name)s: %(rate)s a second") % {"name": trunk.name, "rate": _rate(trunk.cps)} for trunk in _lines()]
    return _("The trunks let calls leave only so fast (%(limits)s).") % {"limits": ", ".join(limits)}


def _trunk_channels(_batch: Batch, look: Look, _hold: Hold) -> str:
    limits = [f"{trunk.name}: {trunk.channels}" for trunk in _lines()]
    return _full(look) or _("All channels of the trunks are in use (%(limits)s).") % {"limits": ", ".join(limits)}


def _batch_rate(batch: Batch, _look: Look, _hold: Hold) -> str:
    return _("The batch itself lets no more than %(rate)s calls a second leave.") % {"rate": _rate(batch.cps)}


def _batch_channels(batch: Batch, look: Look, _hold: Hold) -> str:
    return _full(look) or _("All channels that the batch may use are in use: %(channels)d.") % {
        "channels": batch.channels
    }


def _account_rate(_batch: Batch, look: Look, _hold: Hold) -> str:
    words = {"rate": _rate(look.turn.account_limit.cps)}
    return _("The account lets no more than %(rate)s calls a second leave.") % words


def _account_channels(_batch: Batch, look: Look, _hold: Hold) -> str:
    return _full(look) or _("All channels that the account may use are in use: %(channels)d.") % {
        "channels": look.turn.account_limit.channels
    }


def _full(look: Look) -> str:
    """Said instead of "in use" where a call could never find room."""
    channels = look.dials.channels
    if look.could_ever_take(channels):
        return ""
    return _("A call of the batch needs %(channels)d channels at once, and the limits leave no room for so many.") % {
        "channels": channels
    }


def _lines() -> list[TrunkRow]:
    """The trunks that carry calls: the sandbox's while there is no other."""
    trunks = list(TrunkRow.objects.order_by("priority", "id"))
    return [trunk for trunk in trunks if not trunk.sandbox] or trunks


def _slowed(now: datetime) -> str:
    strains = {trunk.name: Strain(trunk.strain, trunk.strain_changed_at, trunk.strain_until) for trunk in _lines()}
    return ", ".join(name for name, strain in strains.items() if strain.level or strain.at(now).until)


def _at(at: datetime | None) -> str:
    """By the clock of the account where its people read it, by UTC in the API."""
    if at is None or at >= NEVER:
        return ""
    local = timezone.localtime(at)
    if _is_for_programs():
        return f"{local:%Y-%m-%d %H:%M:%S} UTC"
    return f"{date_format(local, 'SHORT_DATE_FORMAT')}, {local:%H:%M:%S}"


def _many(count: int) -> str:
    return number_format(count, force_grouping=True)


def _rate(cps: float) -> str:
    return number_format(f"{cps:g}")


def _is_for_programs() -> bool:
    """The API's clock is UTC, the cabinet's that of the account."""
    return timezone.get_current_timezone_name() == "UTC"


def _from(at: datetime | None) -> str:
    """The second that ``eligible_at`` tells."""
    return "" if at is None else _at(full_second(at))


_SHARED: Mapping[Rule, Callable[[Batch, Look, Hold], str]] = {
    Rule.BATCH_FRESH: _fresh,
    Rule.BATCH_PAUSED: _paused,
    Rule.BATCH_STOPPED: _stopped,
    Rule.NO_DIALER: _no_dialer,
    Rule.WINDOW: _hours,
    Rule.QUOTA: _quota,
    Rule.NO_TRUNK: _no_trunk,
    Rule.TRUNK_SLOWED: _trunk_slowed,
    Rule.TRUNK_RATE: _trunk_rate,
    Rule.TRUNK_CHANNELS: _trunk_channels,
    Rule.BATCH_RATE: _batch_rate,
    Rule.BATCH_CHANNELS: _batch_channels,
    Rule.ACCOUNT_RATE: _account_rate,
    Rule.ACCOUNT_CHANNELS: _account_channels,
}
