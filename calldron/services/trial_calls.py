"""A test call over a trunk: made by the running dialer as a call of a batch, told step by step and in plain words.

``docs/adr/0009`` says why it goes through the queue.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from calldron.domain.batch import BatchState, BatchType, Confirmation
from calldron.domain.outcome import EndedBy, Ending, Fault, Outcome, classify
from calldron.media import tones
from calldron.services import calls, intros, typed_numbers, why
from calldron.services.errors import FieldError, NotFound, Refused
from calldron.services.intros import Intro
from calldron.store.models import Account, Attempt, Batch, Call, LegRow, TrunkRow

RING = 30  # seconds
SANDBOX_NUMBER = "+79991111202"  # by its plan: answers, and presses 2 after two seconds

_OPEN = (BatchState.FRESH, BatchState.RUNNING, BatchState.FINISHED)
_MELODY = ((523.25, 0.3), (659.25, 0.3), (783.99, 0.3), (1046.5, 0.6))  # hertz, seconds


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it: ``works`` the trunk, as far as one can tell, ``words`` and ``advice`` for people."""

    works: bool
    words: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened, so many seconds after the dial."""

    words: str
    after: float


@dataclass(frozen=True, slots=True)
class Told:
    """A test call as it is now. ``waits``: why it was not dialled yet; ``verdict``: once it is over; ``whose``: side it
    went wrong on, in words; "" where it did not."""

    call: Call
    trunk: TrunkRow | None
    steps: tuple[Step, ...]
    waits: str = ""
    verdict: Verdict | None = None
    whose: str = ""
    sip_code: int | None = None

    @property
    def mark(self) -> str:
        """The same as long as nothing else is to be told."""
        return f"{len(self.steps)}.{crc32(self.waits.encode())}.{int(self.verdict is not None)}"


def carrier() -> TrunkRow | None:
    """The trunk that calls go over first: the sandbox's while there is no other."""
    return TrunkRow.objects.order_by("sandbox", "priority", "id").first()


def place(account: Account, trunk: TrunkRow, number: str) -> Call:
    """Queue a call of this number over this trunk. Raises ``Refused`` for what is no number, and ``Conflict``."""
    errors: list[FieldError] = []
    new = calls.read(account, {"phone_number": typed_numbers.meant(account, number.strip())}, errors)
    if errors or new is None:
        raise Refused(errors[0].message, errors)
    with transaction.atomic():
        batch = _batch(account, trunk)
        (call_id,) = calls.create(account, batch.pk, [new])
    return calls.get(account, batch.pk, call_id)


def _batch(account: Account, trunk: TrunkRow) -> Batch:
    """The account's batch for tests of this trunk, made where there is none that takes calls."""
    tests = Batch.objects.filter(account=account, only_trunk=trunk.pk, deleting=False, state__in=_OPEN)
    return tests.order_by("-id").first() or Batch.objects.create(
        account=account,
        name=_("Test call"),
        description=_("Calls that test the trunk %(name)s.") % {"name": trunk.name},
        type=BatchType.INSTANT,
        confirmation=Confirmation.DTMF,  # so that keys are tested too
        time_zone=account.time_zone,
        ring_timeout=RING,
        only_trunk=trunk.pk,
        intro=intros.keep(account, _melody()),
        intro_filename="test.wav",
    )


def _melody() -> Intro:
    pcm = b"".join(tones.beep(hertz, seconds) for hertz, seconds in _MELODY)
    return Intro("calldron-test-melody", sum(seconds for _hertz, seconds in _MELODY), pcm)


def look(account: Account, batch_id: int, call_id: int) -> Told:
    """How far it has come. Raises ``NotFound``, also for a call that is no test."""
    call = calls.get(account, batch_id, call_id)
    if call.batch.only_trunk is None:
        raise NotFound(_("This is no test call."))
    trunk = TrunkRow.objects.filter(pk=call.batch.only_trunk).first()
    attempt = Attempt.objects.filter(call=call).prefetch_related("legs").order_by("id").last()
    legs = [] if attempt is None else list(attempt.legs.all())
    if attempt is None or not legs:
        if call.final:
            return Told(call, trunk, (), verdict=Verdict(False, why.of_call(account, batch_id, call_id).reason))
        return Told(call, trunk, (), waits=why.of_call(account, batch_id, call_id).reason)
    leg = legs[0]
    steps = tuple(_steps(leg))
    if attempt.ended_at is None or not call.final:
        return Told(call, trunk, steps)
    ending = _ending(leg, call)
    verdict = Verdict(False, _("The dialer died during the call.")) if ending is None else says(ending)
    if verdict.works and call.result is not None and ending is not None and ending.answered:
        verdict = Verdict(True, verdict.words, _of_keys(call))
    return Told(call, trunk, steps, "", verdict, whose(Fault(leg.fault or Fault.NONE)), leg.sip_code)


def _steps(leg: LegRow) -> list[Step]:
    moments = (
        (leg.intended_at, _("dialled")),
        (leg.ringing_at, _("it rings")),
        (leg.answered_at, _("answered: a melody is played, then a key is waited for")),
        (leg.ended_at, _("over")),
    )
    return [Step(words, max(0.0, (at - leg.intended_at).total_seconds())) for at, words in moments if at is not None]


def _ending(leg: LegRow, call: Call) -> Ending | None:
    """As the engine saw it; ``None``: its dialer died, and nobody saw it."""
    if leg.outcome == Outcome.UNKNOWN or not leg.ended_by:
        return None
    answered = leg.answered_at is not None
    return Ending(EndedBy(leg.ended_by), leg.sip_code, leg.q850, answered, sent=call.client_dials > 0)


def _of_keys(call: Call) -> str:
    if call.digits:
        return _("The key %(keys)s was heard too.") % {"keys": call.digits}
    return _("No key was heard. If you pressed one, ask your provider to send keys by RFC 4733 (telephone-event).")


def says(ending: Ending) -> Verdict:
    """What the end of a test call says about its trunk."""
    outcome, fault = classify(ending)
    if ending.by is EndedBy.SILENCE:
        key: object = EndedBy.SILENCE
    elif fault is Fault.OURS and (ending.by is EndedBy.MEDIA or ending.answered):
        key = EndedBy.MEDIA
    elif ending.sip_code in _BY_CODE and not ending.answered and ending.by is EndedBy.REMOTE:
        key = ending.sip_code
    else:
        key = outcome
    works, words, advice = _WORDS.get(key, _WORDS[Outcome.FAILED])
    return Verdict(works, str(words), str(advice) % {"code": ending.sip_code or "–"})


def whose(fault: Fault) -> str:
    """On whose side it went wrong, in words; "" where it did not."""
    return str(_SIDES.get(fault, ""))


_SIDES: Mapping[Fault, Promise] = {
    Fault.CALLEE: gettext_lazy("the side of who was called"),
    Fault.NUMBER: gettext_lazy("the number"),
    Fault.TRUNK: gettext_lazy("the trunk"),
    Fault.OURS: gettext_lazy("this server, or what the trunk was told of it"),
}

_CREDENTIALS = (
    False,
    gettext_lazy("The trunk refused our user or password."),
    gettext_lazy("Compare both with what your provider gave you; an account that is blocked looks the same."),
)
_CODECS = (
    False,
    gettext_lazy("The other side speaks none of our codecs."),
    gettext_lazy("Ask your provider to turn on G.711 (PCMA and PCMU) for this trunk."),
)
_NO_SUCH_NUMBER = (
    False,
    gettext_lazy("The trunk says that there is no such number."),
    gettext_lazy(
        "It works as far as that. Look at the number; if it is right, ask in which form numbers are expected."
    ),
)
_NOT_NOW = gettext_lazy("Ask your provider and name the code SIP %(code)s; try again in a few minutes.")

_WORDS: Mapping[object, tuple[bool, str | Promise, str | Promise]] = {
    Outcome.ANSWERED: (True, gettext_lazy("The call was answered: the trunk works."), ""),
    Outcome.BUSY: (True, gettext_lazy("The number is busy: the trunk works."), ""),
    Outcome.NO_ANSWER: (
        True,
        gettext_lazy("Nobody answered: the trunk works as far as ringing."),
        gettext_lazy("Answer the next one, or test another number."),
    ),
    Outcome.REJECTED: (
        True,
        gettext_lazy("The callee rejected the call: the trunk works."),
        gettext_lazy("If nobody did, a filter on the way takes the call for spam: show a number that is yours."),
    ),
    Outcome.UNAVAILABLE: (
        True,
        gettext_lazy("The number can't be reached now; the trunk works as far as that."),
        gettext_lazy("Test a telephone that is switched on."),
    ),
    Outcome.INVALID_NUMBER: _NO_SUCH_NUMBER,
    Outcome.CANCELED: (False, gettext_lazy("The call was taken back before it was answered."), ""),
    Outcome.FAILED: (False, gettext_lazy("The call failed at the trunk."), _NOT_NOW),
    EndedBy.SILENCE: (
        False,
        gettext_lazy("The trunk did not reply."),
        gettext_lazy("Check host, port and transport, and whether a firewall lets SIP through in both directions."),
    ),
    EndedBy.MEDIA: (
        False,
        gettext_lazy("The sound failed here."),
        gettext_lazy("The log of the dialer says why; calldron doctor may know it too."),
    ),
    401: _CREDENTIALS,
    407: _CREDENTIALS,
    402: (False, gettext_lazy("The trunk wants to be paid first."), gettext_lazy("Look at your balance.")),
    403: (
        False,
        gettext_lazy("The trunk does not allow this call."),
        gettext_lazy(
            "Mostly the caller id is not yours, the direction is closed, or the provider expects another address: "
            "ask it and name the code SIP %(code)s."
        ),
    ),
    488: _CODECS,
    606: _CODECS,
    503: (False, gettext_lazy("The trunk takes no calls now."), _NOT_NOW),
    608: (
        False,
        gettext_lazy("A filter on the way rejected the call."),
        gettext_lazy("Ask your provider why; a caller id that is yours helps."),
    ),
}
_BY_CODE = frozenset(key for key in _WORDS if isinstance(key, int))
