"""Calls with their attempts and legs, as the dialer leaves them in the database."""

from datetime import UTC, datetime, timedelta

from calldron.store.models import Account, Attempt, Batch, Call, LegRow, NodeRow, TrunkRow


def now() -> datetime:
    return datetime.now(UTC)


def batch(account: Account, **fields: object) -> Batch:
    return Batch.objects.create(**{"account": account, "name": "Reminders", "state": "running", **fields})


def dialer() -> None:
    """One that is alive."""
    NodeRow.objects.create(name="node", started_at=now(), seen_at=now() + timedelta(minutes=1))


def trunk(name: str = "mine", **fields: object) -> TrunkRow:
    return TrunkRow.objects.create(name=name, host="192.0.2.1", **fields)


def waiting(of: Batch, number: str = "+79990000001", **fields: object) -> Call:
    """A call that waits for its first dial."""
    return _counted(
        of,
        Call.objects.create(
            **{"batch": of, "account": of.account, "number": number, "due_at": now(), **fields}, created_at=now()
        ),
    )


def up(of: Batch, number: str = "+79990000002", *, answered: bool = False, over: TrunkRow | None = None) -> Call:
    """A call that rings, or talks."""
    call = waiting(of, number, due_at=None, status="answered" if answered else "dialing", client_dials=1)
    began = now() - timedelta(seconds=7)
    tried = _attempt(call, over, began)
    _leg(tried, ringing_at=began + timedelta(seconds=1), answered_at=now() if answered else None)
    return call


def ended(
    of: Batch,
    number: str = "+79990000003",
    status: str = "answered",
    result: str | None = None,
    *,
    over: TrunkRow | None = None,
    recording: str = "",
    ago: float = 60.0,
) -> Call:
    """A call that is over, after 1.103 s of dialling, 4.097 s of ringing and 16.17 s of talk where it was answered."""
    reached = status == "answered"
    code = {"answered": 200, "busy": 486, "failed": 503}.get(status)
    began = now() - timedelta(seconds=ago)
    talk = 16.17 if reached else None
    end = began + timedelta(seconds=21.37)
    call = waiting(
        of,
        number,
        due_at=None,
        status=status,
        result=result,
        final=True,
        client_dials=1,
        dialed_at=began,
        ended_at=end,
        talk=talk,
        recording=recording,
        digits="1" if result else "",
    )
    Batch.objects.filter(pk=of.pk).update(unfinished=Batch.objects.get(pk=of.pk).unfinished - 1)
    tried = _attempt(call, over, began, ended_at=end, outcome=status, result=result, sip_code=code, talk=talk)
    _leg(
        tried,
        ringing_at=began + timedelta(seconds=1.103),
        answered_at=began + timedelta(seconds=5.2) if reached else None,
        ended_at=end,
        sip_code=code,
        q850={"busy": 17}.get(status),
        outcome=status,
        ended_by="remote",
        fault="none" if reached else "callee",
    )
    return call


def _counted(of: Batch, call: Call) -> Call:
    row = Batch.objects.get(pk=of.pk)
    Batch.objects.filter(pk=of.pk).update(total=row.total + 1, unfinished=row.unfinished + 1)
    return call


def _attempt(call: Call, over: TrunkRow | None, began: datetime, **fields: object) -> Attempt:
    return Attempt.objects.create(
        call=call,
        batch_id=call.batch_id,
        account_id=call.account_id,
        number_of_try=1,
        node="node",
        lease=1,
        lease_until=began + timedelta(minutes=5),
        trunk=over,
        started_at=began,
        **fields,
    )


def _leg(tried: Attempt, **fields: object) -> LegRow:
    return LegRow.objects.create(
        attempt=tried,
        role="client",
        number=tried.call.number,
        trunk=tried.trunk,
        intended_at=tried.started_at,
        **fields,
    )
