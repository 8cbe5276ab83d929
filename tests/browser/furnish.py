"""An account as it looks after some weeks, written straight into the database: ``python furnish.py`` with the server's
environment. It says the ids that pages are asked for by."""

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "calldron.settings")
django.setup()

from django.contrib.auth.tokens import default_token_generator  # noqa: E402
from django.utils.encoding import force_bytes  # noqa: E402
from django.utils.http import urlsafe_base64_encode  # noqa: E402

from calldron.config import config  # noqa: E402
from calldron.domain.access import Access  # noqa: E402
from calldron.media import tones  # noqa: E402
from calldron.services import accounts, audit, invitations  # noqa: E402
from calldron.store.models import (  # noqa: E402
    Attempt,
    Batch,
    Call,
    Invitation,
    LegRow,
    NodeRow,
    Sound,
    StopNumber,
    TrunkRow,
    User,
)

PASSWORD = "a long enough password"
LONG = "Напоминание о записи на приём к стоматологу-ортопеду-имплантологу, вторая волна (все филиалы, кроме Химок)"
NOW = datetime.now(UTC)
# How calls of a batch ended: status, result, SIP code, ended by.
ENDS = (
    ("answered", "confirmed", 200, "remote"),
    ("answered", "declined", 200, "local"),
    ("answered", "connected", 200, "remote"),
    ("busy", None, 486, "remote"),
    ("no_answer", None, 487, "local"),
    ("rejected", None, 603, "remote"),
    ("invalid_number", None, 404, "remote"),
    ("unavailable", None, 480, "remote"),
    ("failed", None, 503, "remote"),
    ("unknown", None, None, ""),
    ("canceled", None, None, ""),
    ("answered", "opted_out", 200, "local"),
)


def furnish() -> dict[str, object]:
    user, _key = accounts.create_user("owner@example.org", PASSWORD, language="en")
    User.objects.filter(pk=user.pk).update(is_superuser=True, name="Константин Константинопольский")
    account = user.account
    User.objects.create_user(
        "owner.ru@example.org", PASSWORD, account, language="ru", access=Access.OWNER, is_superuser=True
    )
    for language in ("en", "ru"):
        accounts.create_user(f"fresh.{language}@example.org", PASSWORD, language=language)
    for access in (Access.OPERATOR, Access.VIEWER):
        User.objects.create_user(f"{access}@example.org", PASSWORD, account, language="en", access=access)
    Invitation.objects.create(
        account=account,
        email="a.very.long.address.of.a.colleague.who.has.not.joined.yet@subdomain.of.a.company.example.org",
        access=Access.VIEWER,
        digest="0" * 64,
        invited_by=user,
        created_at=NOW,
        expires_at=NOW + timedelta(days=7),
    )
    trunk = TrunkRow.objects.create(
        name="mine", host="sip.example.org", username="u", password="secret-of-the-trunk", cps=2, channels=10, strain=2
    )
    NodeRow.objects.create(name="node", started_at=NOW, seen_at=NOW + timedelta(days=1))
    sound = Sound.objects.create(
        account=account, digest="1" * 64, name="Приветствие.mp3", seconds=2.0, pcm=tones.tone(440, 2.0)
    )
    StopNumber.objects.bulk_create(
        StopNumber(account=account, number=f"+7916000{n:04}", source="csv", comment=LONG[:60], created_at=NOW)
        for n in range(30)
    )
    running = _batch(account, LONG, "running", sound, total=60, unfinished=20, callback="+74950000000")
    _batch(account, "", "fresh", None, total=0, unfinished=0)
    _batch(account, "Paused", "paused", sound, total=10, unfinished=5)
    _batch(account, "Stopped", "stopped", sound, total=10, unfinished=0)
    calls = [_call(running, trunk, n) for n in range(40)]
    Call.objects.bulk_create(
        Call(batch=running, account=account, number=f"+7999111{n:04}", due_at=NOW, created_at=NOW) for n in range(20)
    )
    for action in audit.Action:
        audit.note(audit.Actor(account, user, "192.0.2.7"), action, LONG)
    invited = invitations.invite_owner("newcomer@example.org")
    forgetful, _key = accounts.create_user("forgetful@example.org", PASSWORD)
    whose = urlsafe_base64_encode(force_bytes(forgetful.pk))
    return {
        "batch": running.pk,
        "call": calls[0].pk,
        "trunk": trunk.pk,
        "invited": urlsplit(invited).path,
        "forgotten": f"{whose}/{default_token_generator.make_token(forgetful)}",
    }


def _batch(account: object, name: str, state: str, sound: Sound | None, **fields: object) -> Batch:
    batch = Batch.objects.create(
        account=account, name=name, state=state, intro=sound, dialed=state != "fresh", started_at=NOW, **fields
    )
    if not batch.name:
        batch.name = f"Batch {batch.pk}"
        batch.save()
    return batch


def _call(batch: Batch, trunk: TrunkRow, nth: int) -> Call:
    status, result, code, by = ENDS[nth % len(ENDS)]
    began = NOW - timedelta(minutes=40 - nth)
    ended = began + timedelta(seconds=21.37)
    answered = began + timedelta(seconds=5.2) if status == "answered" else None
    recording = _recording(batch, nth) if nth == 0 else ""
    call = Call.objects.create(
        batch=batch,
        account=batch.account,
        number=f"+7999000{nth:04}",
        status=status,
        result=result,
        final=True,
        digits="1" if result else "",
        client_dials=1,
        dialed_at=began,
        ended_at=ended,
        talk=16.2 if answered else None,
        recording=recording,
        created_at=began,
    )
    attempt = Attempt.objects.create(
        call=call,
        batch_id=batch.pk,
        account_id=batch.account_id,
        number_of_try=1,
        node="node",
        lease=1,
        lease_until=ended,
        trunk=trunk,
        started_at=began,
        ended_at=ended,
        outcome=status,
        result=result,
        fault="nobody",
        sip_code=code,
        digits="1" if result else "",
        talk=call.talk,
        recording=recording,
    )
    LegRow.objects.create(
        attempt=attempt,
        role="client",
        number=call.number,
        trunk=trunk,
        intended_at=began,
        ringing_at=began + timedelta(seconds=1.1),
        answered_at=answered,
        ended_at=ended,
        sip_code=code,
        ended_by=by,
        outcome=status,
        fault="nobody",
    )
    if result == "connected":
        LegRow.objects.create(
            attempt=attempt,
            role="operator",
            number=batch.callback,
            trunk=trunk,
            intended_at=began + timedelta(seconds=8),
            answered_at=began + timedelta(seconds=10),
            ended_at=ended,
            sip_code=200,
            ended_by="remote",
            outcome="answered",
            fault="nobody",
        )
    return call


def _recording(batch: Batch, nth: int) -> str:
    import lameenc

    encoder = lameenc.Encoder()
    encoder.set_channels(1)
    encoder.set_in_sample_rate(8000)
    encoder.set_bit_rate(32)
    encoder.silence()
    path = config().recordings / str(batch.account_id) / f"{nth}.mp3"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(encoder.encode(tones.tone(440, 3.0)) + encoder.flush()))
    return str(path.relative_to(config().recordings))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(furnish()))
