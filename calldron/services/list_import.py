"""A spreadsheet into a batch, piece by piece: it is cut up as it comes, looked at, and then taken in steps, each of
which takes one piece exactly once. So it can be watched, and goes on where it was left.

A batch that has not begun to dial does not begin while the list is coming in: half of it would be called before the
owner sees what became of the rest. Once all of it is there the batch starts by itself where ``autostart`` is set. One
that is running goes on, and dials what is in.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import NamedTuple

from django.db import transaction
from django.utils.translation import gettext as _

from calldron.domain.batch import BatchState, Switch
from calldron.domain.errors import InvalidInput
from calldron.services import audit, batches, calls, csv_text, spreadsheets
from calldron.services.audit import Action, Actor
from calldron.services.errors import NotFound
from calldron.services.list_reading import Kind, Outcome, Reading, guess, read, tell_apart
from calldron.services.spreadsheets import Row
from calldron.store.models import Account, ImportPiece, ListImport

UPLOAD, PREVIEW, RUNNING, DONE = "upload", "preview", "running", "done"
ROWS_A_PIECE = 5_000
_FORGOTTEN = timedelta(days=1)  # after which an upload that nobody went on with is removed


class Refusal(NamedTuple):
    """A row that was not taken."""

    line: int
    kind: str
    reason: str
    cells: list[str]


def upload(actor: Actor, batch_id: int, data: bytes, filename: str) -> ListImport:
    """Cut a file up. Takes up to half a minute for a million rows. Raises ``InvalidInput``, ``NotFound``, ``Conflict``
    (stopped batches take no calls)."""
    batch = batches.get(actor.account, batch_id)
    calls.state_with_more(batch)
    _forget(actor, batch_id)
    made = ListImport.objects.create(
        account=actor.account, batch=batch, user=actor.user, filename=filename[:255], created_at=datetime.now(UTC)
    )
    try:
        with spreadsheets.opened(data) as table:
            made.sheet, made.others = table.sheet[:255], table.others
            made.total = _cut(made, table.rows)
        if not made.total:
            raise InvalidInput(_("The table has no rows."))
        made.reading = guess(beginning(made)).kept()
    except BaseException:
        made.delete()
        raise
    made.state = PREVIEW
    made.save()
    return made


def _cut(made: ListImport, rows: Iterator[Row]) -> int:
    """Each piece is written by itself: nobody waits for a lock while a long file is read."""
    count = place = 0
    while piece := list(islice(rows, ROWS_A_PIECE)):
        ImportPiece.objects.create(list_import=made, place=place, rows=piece)
        count, place = count + len(piece), place + 1
    return count


def _forget(actor: Actor, batch_id: int) -> None:
    """Uploads that were never taken in hold people's numbers."""
    begun = ListImport.objects.filter(account=actor.account, state__in=(UPLOAD, PREVIEW))
    begun.filter(created_at__lt=datetime.now(UTC) - _FORGOTTEN).delete()
    begun.filter(state=PREVIEW, batch=batch_id, user=actor.user).delete()


def get(account: Account, batch_id: int, import_id: int) -> ListImport:
    """An import of this batch of this account. Raises ``NotFound``."""
    found = ListImport.objects.filter(
        account=account, batch=batch_id, batch__deleting=False, pk=import_id, state__in=(PREVIEW, RUNNING, DONE)
    )
    made = found.select_related("batch", "account").first()
    if made is None:
        raise NotFound(_("There is no such import. It may have been thrown away."))
    return made


def unfinished(account: Account, batch_id: int) -> list[ListImport]:
    """Those that wait for somebody to go on with them, the newest first."""
    waiting = ListImport.objects.filter(account=account, batch=batch_id, state__in=(PREVIEW, RUNNING))
    return list(waiting.order_by("-id"))


def reading_of(made: ListImport) -> Reading:
    """How its cells are taken."""
    return Reading(**made.reading)


def beginning(made: ListImport) -> list[Row]:
    """The rows of its first piece, the header among them. None are left once that piece is taken."""
    first = ImportPiece.objects.filter(list_import=made, place=0).values_list("rows", flat=True).first()
    return [Row(*row) for row in first or ()]


def foresee(made: ListImport, reading: Reading) -> list[Outcome]:
    """What would become of the rows of its first piece."""
    outcomes = read(made.account, reading, beginning(made)[reading.header :])
    tell_apart(made.batch, reading, outcomes)
    return outcomes


def look(made: ListImport, reading: Reading) -> None:
    """Read it in another way, while it is not begun."""
    ListImport.objects.filter(pk=made.pk, state=PREVIEW).update(reading=reading.kept())


def begin(made: ListImport, reading: Reading) -> None:
    """Settle how it is read. Repeating it changes nothing. Raises ``Conflict``."""
    with transaction.atomic():
        made = _locked(made)
        if made.state != PREVIEW:
            return
        batch = batches.get(made.account, made.batch_id)
        calls.state_with_more(batch)
        made.state, made.reading = RUNNING, reading.kept()
        made.total -= reading.header
        waits = batch.state in (BatchState.FRESH, BatchState.FINISHED)
        made.starts = batch.state if batch.autostart and waits else ""
        made.save()


def discard(made: ListImport) -> None:
    """Throw away what was not begun. One that was is left as it is."""
    ListImport.objects.filter(pk=made.pk, state=PREVIEW).delete()


def step(actor: Actor, made: ListImport) -> ListImport:
    """Take one piece, or nothing where somebody else just took it. Raises ``NotFound``, ``Conflict``."""
    piece = ImportPiece.objects.filter(list_import=made, done=False).order_by("place").first()
    if piece is None or made.state != RUNNING:
        return get(made.account, made.batch_id, made.pk)
    reading = reading_of(made)
    rows = [Row(*row) for row in piece.rows]
    outcomes = read(made.account, reading, rows[reading.header and piece.place == 0 :])
    with transaction.atomic():
        made = _locked(made)
        if ImportPiece.objects.filter(pk=piece.pk, done=False).exists():
            _take(made, piece, outcomes)
            if not ImportPiece.objects.filter(list_import=made, done=False).exists():
                _end(actor, made)
            made.save()
    return made


def _locked(made: ListImport) -> ListImport:
    """It, locked with the batch's other imports: two lists that share numbers do not pass each other by."""
    of_batch = ListImport.objects.filter(batch=made.batch_id).order_by("id").select_for_update(no_key=True)
    by_id = {one.pk: one for one in of_batch}
    if made.pk not in by_id:
        raise NotFound(_("There is no such import. It may have been thrown away."))
    return by_id[made.pk]


def _take(made: ListImport, piece: ImportPiece, outcomes: Sequence[Outcome]) -> None:
    tell_apart(made.batch, reading_of(made), outcomes)
    new = [outcome.call for outcome in outcomes if outcome.call]
    if new:
        calls.create(made.account, made.batch_id, new, starting=False)
    made.taken += len(new)
    made.suspect += sum(call.suspect for call in new)
    kinds = [outcome.kind for outcome in outcomes]
    made.bad += kinds.count(Kind.BAD)
    made.duplicates += kinds.count(Kind.DUPLICATE)
    made.stopped += kinds.count(Kind.STOPPED)
    piece.mistakes = [
        Refusal(outcome.row.line, outcome.kind, outcome.reason, outcome.row.cells)
        for outcome in outcomes
        if outcome.kind
    ]
    piece.rows = piece.rows[: reading_of(made).header] if piece.place == 0 else []  # the header names the columns
    piece.done = True
    piece.save(update_fields=["rows", "mistakes", "done"])


def _end(actor: Actor, made: ListImport) -> None:
    made.state, made.finished_at = DONE, datetime.now(UTC)
    batch = batches.get(made.account, made.batch_id)
    told = {name: getattr(made, name) for name in ("total", "taken", "bad", "duplicates", "stopped")}
    audit.note(actor, Action.CALLS_ADDED, batch.name, {**told, "file": made.filename})
    # What it was before, and what adding calls made of it: nobody else has touched it.
    way = {(BatchState.FRESH, BatchState.FRESH): Switch.START, (BatchState.FINISHED, BatchState.PAUSED): Switch.RESUME}
    switch = way.get((BatchState(made.starts), BatchState(batch.state))) if made.starts and made.taken else None
    if switch is not None:
        batches.switch(made.account, batch.pk, switch)
        audit.note(actor, Action.BATCH_STARTED, batch.name)


def refusals(made: ListImport) -> Iterator[Refusal]:
    """What was not taken, in order, read piece by piece."""
    pieces = ImportPiece.objects.filter(list_import=made, done=True).order_by("place")
    for place in pieces.values_list("pk", flat=True):
        for refusal in ImportPiece.objects.values_list("mistakes", flat=True).get(pk=place):
            yield Refusal(*refusal)


def refused_file(made: ListImport, words: dict[str, str]) -> Iterator[bytes]:
    """What was not taken as CSV, to be mended and sent again: the original cells, and before them line, ``words`` for
    the kind, and reason."""
    header = beginning(made)[: reading_of(made).header]
    mark = csv_text.local_mark()
    names = header[0].cells if header else []
    yield csv_text.BOM + csv_text.written(
        [[_("Line"), _("Why not"), _("Reason"), *map(csv_text.harmless, names)]], mark
    )
    rows = refusals(made)
    while some := list(islice(rows, 1_000)):
        yield csv_text.written(
            ([row.line, words[row.kind], row.reason, *map(csv_text.harmless, row.cells)] for row in some), mark
        )
