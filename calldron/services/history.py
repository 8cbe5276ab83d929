"""The history of a call: every attempt at it, leg by leg, and what each end means in words."""

from collections.abc import Mapping

from django.db.models import Prefetch
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from calldron.domain.outcome import EndedBy, Ending, Fault, Outcome, classify
from calldron.store.models import Attempt, Call, LegRow


def page(call: Call, *, limit: int, offset: int) -> tuple[list[Attempt], int]:
    """Part of the attempts at a call with their legs, oldest first, and how many there are."""
    attempts = Attempt.objects.filter(call=call).order_by("id")
    legs = Prefetch("legs", LegRow.objects.order_by("id").select_related("trunk"))
    shown = attempts.select_related("trunk").prefetch_related(legs)[offset : offset + limit]
    return list(shown), attempts.count()


def of_attempt(attempt: Attempt) -> str:
    """How an attempt ended, in words."""
    if attempt.ended_at is None:
        return _("It is under way.")
    if attempt.given_back:
        how = of_code(attempt.sip_code) or str(_WITHOUT_AN_ANSWER[EndedBy.SILENCE])
        return _("The trunk refused it, so it does not count. %(how)s") % {"how": how}
    outcome = Outcome(attempt.outcome)
    if outcome in _SAYS_ENOUGH:
        return str(OUTCOMES[outcome])
    ended_so = [leg for leg in attempt.legs.all() if leg.outcome == outcome]
    return of_leg(ended_so[-1]) if ended_so else _of_end(outcome, attempt.sip_code)


def of_leg(leg: LegRow) -> str:
    """How a leg ended, or how far it has come, in words."""
    if leg.ended_at is None:
        return _so_far(leg)
    if leg.outcome == Outcome.UNKNOWN:
        return str(OUTCOMES[Outcome.UNKNOWN])
    if leg.answered_at is not None:
        return str(_AFTER_AN_ANSWER.get(leg.ended_by, OUTCOMES[Outcome.ANSWERED]))
    if leg.ended_by in _WITHOUT_AN_ANSWER:
        return str(_WITHOUT_AN_ANSWER[leg.ended_by])
    return _of_end(Outcome(leg.outcome), leg.sip_code)


def of_code(sip_code: int | None) -> str:
    """What a final response to an INVITE means; "" where it says nothing by itself."""
    if sip_code is None:
        return ""
    return str(CODES.get(sip_code) or _CLASSES.get(sip_code // 100) or "")


def of_fault(fault: str) -> str:
    """Whose doing a failure was, in words."""
    return str(_FAULTS.get(fault, ""))


def of_cause(q850: int | None) -> str:
    """What a cause of ITU-T Q.850 means; "" where it is none that trunks tell often."""
    return "" if q850 is None else str(CAUSES.get(q850, ""))


def _of_end(outcome: Outcome, sip_code: int | None) -> str:
    """In the words of the code where the outcome goes by it: a Q.850 cause may have said more."""
    by_code = classify(Ending(EndedBy.REMOTE, sip_code))[0]
    return (of_code(sip_code) if by_code is outcome else "") or str(OUTCOMES[outcome])


def _so_far(leg: LegRow) -> str:
    if leg.answered_at is not None:
        return _("It is up.")
    return _("It rings.") if leg.ringing_at is not None else _("It is being dialled.")


_SAYS_ENOUGH = (Outcome.ANSWERED, Outcome.CANCELED, Outcome.EXPIRED, Outcome.MACHINE, Outcome.UNKNOWN)

OUTCOMES: Mapping[Outcome, Promise] = {
    Outcome.ANSWERED: gettext_lazy("It was answered."),
    Outcome.BUSY: gettext_lazy("The number is busy."),
    Outcome.NO_ANSWER: gettext_lazy("Nobody answered in time."),
    Outcome.REJECTED: gettext_lazy("The callee rejected the call."),
    Outcome.UNAVAILABLE: gettext_lazy("The number can't be reached now: switched off, or without coverage."),
    Outcome.INVALID_NUMBER: gettext_lazy("There is no such number."),
    Outcome.MACHINE: gettext_lazy("An answering machine took the call."),
    Outcome.FAILED: gettext_lazy("The call failed."),
    Outcome.CANCELED: gettext_lazy("It was taken back."),
    Outcome.EXPIRED: gettext_lazy("It was never dialled."),
    Outcome.UNKNOWN: gettext_lazy("The program died while the call was up, and nobody can know how it ended."),
}

# RFC 3261 section 21, RFC 8197, RFC 8688.
CODES: Mapping[int, Promise] = {
    400: gettext_lazy("The trunk found fault with the form of the call."),
    401: gettext_lazy("The trunk did not accept its user name and password."),
    402: gettext_lazy("The trunk wants to be paid first."),
    403: gettext_lazy("The trunk does not allow this call."),
    404: gettext_lazy("There is no such number."),
    407: gettext_lazy("The trunk did not accept its user name and password."),
    408: gettext_lazy("Nobody answered in time."),
    410: gettext_lazy("The number is out of service for good."),
    480: gettext_lazy("The number can't be reached now: switched off, or without coverage."),
    484: gettext_lazy("The number is not complete."),
    486: gettext_lazy("The number is busy."),
    487: gettext_lazy("The call was cancelled before it was answered."),
    488: gettext_lazy("The other side speaks none of our codecs."),
    500: gettext_lazy("The trunk has an error of its own."),
    502: gettext_lazy("The trunk could not pass the call on."),
    503: gettext_lazy("The trunk takes no calls now."),
    504: gettext_lazy("The trunk waited in vain for the next network."),
    600: gettext_lazy("The number is busy everywhere."),
    603: gettext_lazy("The callee rejected the call."),
    604: gettext_lazy("There is no such number anywhere."),
    606: gettext_lazy("The other side can't take a call of this kind."),
    607: gettext_lazy("The callee said that such calls are not wanted."),
    608: gettext_lazy("A filter on the way rejected the call."),
}
_CLASSES: Mapping[int, Promise] = {
    3: gettext_lazy("The trunk sent the call to another address."),
    4: gettext_lazy("The number can't be reached now."),
    5: gettext_lazy("The call failed at the trunk."),
    6: gettext_lazy("The callee rejected the call."),
}
_AFTER_AN_ANSWER: Mapping[str, Promise] = {
    EndedBy.REMOTE: gettext_lazy("It was answered; the other side hung up."),
    EndedBy.LOCAL: gettext_lazy("It was answered; Calldron hung up."),
    EndedBy.MEDIA: gettext_lazy("It was answered; then the sound failed here."),
}
_WITHOUT_AN_ANSWER: Mapping[str, Promise] = {
    EndedBy.LOCAL: gettext_lazy("Calldron hung up before it was answered."),
    EndedBy.RING_TIMEOUT: gettext_lazy("It rang, and nobody answered in time."),
    EndedBy.SILENCE: gettext_lazy("The trunk did not reply."),
    EndedBy.MEDIA: gettext_lazy("There was no port for the sound here."),
}
_FAULTS: Mapping[str, Promise] = {
    Fault.NONE: gettext_lazy("nobody's"),
    Fault.CALLEE: gettext_lazy("the callee's"),
    Fault.NUMBER: gettext_lazy("the number's"),
    Fault.TRUNK: gettext_lazy("the trunk's"),
    Fault.OURS: gettext_lazy("Calldron's"),
}

# ITU-T Q.850 section 2.2.
CAUSES: Mapping[int, Promise] = {
    1: gettext_lazy("no such number"),
    3: gettext_lazy("no route there"),
    16: gettext_lazy("hung up"),
    17: gettext_lazy("busy"),
    18: gettext_lazy("no reply"),
    19: gettext_lazy("rang, nobody answered"),
    20: gettext_lazy("switched off or out of reach"),
    21: gettext_lazy("rejected"),
    22: gettext_lazy("the number has changed"),
    27: gettext_lazy("out of order there"),
    28: gettext_lazy("the number is not complete"),
    31: gettext_lazy("no reason given"),
    34: gettext_lazy("no free line"),
    38: gettext_lazy("network out of order"),
    41: gettext_lazy("a passing failure"),
    42: gettext_lazy("the network is too busy"),
    57: gettext_lazy("not allowed"),
    102: gettext_lazy("a timer ran out"),
    127: gettext_lazy("unknown"),
}
