"""A spreadsheet into a batch: the file, a look at it, its way in, what became of it."""

from collections.abc import Sequence
from itertools import islice

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from calldron.domain.access import Access
from calldron.domain.errors import InvalidInput
from calldron.services import batches, list_import, list_reading
from calldron.services.errors import Conflict
from calldron.services.list_import import DONE, PREVIEW, ROWS_A_PIECE, RUNNING
from calldron.services.list_reading import Kind, Outcome, Reading
from calldron.store.models import Batch, ListImport
from calldron.web import uploads
from calldron.web.access import actor, allowed, member
from calldron.web.templatetags.cabinet import grouped

_PREVIEWED = 10  # rows
_WARNED = 10  # more of them, that will not be taken
_SHOWN = 100  # bad rows of the result
_COLUMNS = 8  # of a wide table; the one with the numbers is always among them


@allowed(Access.OPERATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def chosen(request: HttpRequest, batch_id: int) -> HttpResponse:
    """The file, or numbers that are pasted."""
    batch = batches.get(member(request).account, batch_id)
    error = ""
    if request.method == "POST":
        try:
            made = _uploaded(request, batch)
        except (InvalidInput, Conflict) as refused:
            error = str(refused)
        else:
            return redirect("list-import", batch.pk, made.pk)
    context = {
        "batch": batch,
        "error": error,
        "pasted": request.POST.get("numbers", "") if error else "",
        "unfinished": list_import.unfinished(batch.account, batch.pk),
        "megabytes": settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 2**20,
    }
    return render(request, "web/list_import.html", context, status=422 if error else 200)


def _uploaded(request: HttpRequest, batch: Batch) -> ListImport:
    file = uploads.file(request, "list")
    pasted = request.POST.get("numbers", "")
    if file is not None:
        return list_import.upload(actor(request), batch.pk, file.read(), file.name or "")
    if pasted.strip():
        return list_import.upload(actor(request), batch.pk, pasted.encode(errors="replace"), "")
    raise InvalidInput(_("Choose a file, or paste numbers."))


@allowed(Access.OPERATOR)
@require_safe
def shown(request: HttpRequest, batch_id: int, import_id: int) -> HttpResponse:
    """Where it stands: a look at it, its way in, or what became of it."""
    made = _asked(request, batch_id, import_id)
    page = {PREVIEW: _preview, RUNNING: _way, DONE: _result}[made.state]
    return page(request, made)


def _preview(request: HttpRequest, made: ListImport) -> HttpResponse:
    rows = list_import.beginning(made)
    width = max(len(row.cells) for row in rows)
    reading = list_import.reading_of(made)
    outcomes = list_import.foresee(made, reading)
    refused = [one for one in outcomes[_PREVIEWED:] if one.kind]
    names = list_reading.heading(rows, reading)
    places = _places(width, reading)
    context = {
        "made": made,
        "batch": made.batch,
        "reading": reading,
        "names": list(enumerate(names)),
        "columns": [(place, names[place]) for place in places],
        "rows": [_line(one, places) for one in outcomes[:_PREVIEWED]],
        "refused": [_line(one, places) for one in refused[:_WARNED]],
        "left_out": width - len(places),
        "looked_at": len(outcomes),
        "counts": _counts(outcomes),
        "total": made.total - reading.header,
        "national": list_reading.has_national(rows),
        "starts": _how_it_starts(made.batch),
    }
    return render(request, "web/list_preview.html", context)


def _places(width: int, reading: Reading) -> list[int]:
    first = list(range(min(width, _COLUMNS)))
    return first if reading.number in first else [*first[:-1], reading.number]


def _line(one: Outcome, places: Sequence[int]) -> dict[str, object]:
    cells = one.row.cells
    return {
        "line": one.row.line,
        "cells": [(place, cells[place] if place < len(cells) else "") for place in places],
        "call": one.call,
        "kind": one.kind,
        "reason": one.reason,
    }


def _counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    kinds = [one.kind for one in outcomes]
    return {"taken": kinds.count(None), **{kind.value: kinds.count(kind) for kind in Kind}}


def _how_it_starts(batch: Batch) -> str:
    if batch.state == "running":
        return _("The batch is running: numbers are called as they come in.")
    if batch.state == "paused":
        return _("The batch is paused: nobody is called before you resume it.")
    if batch.autostart:
        return _("The batch starts by itself as soon as the whole list is in, not before.")
    return _("Nobody is called before you press start.")


def _way(request: HttpRequest, made: ListImport) -> HttpResponse:
    context = {"made": made, "batch": made.batch, "percent": _percent(made), "words": _progress(made)}
    return render(request, "web/list_progress.html", context)


def _result(request: HttpRequest, made: ListImport) -> HttpResponse:
    refusals = list_import.refusals(made) if made.bad else iter(())
    context = {
        "made": made,
        "batch": made.batch,
        "bad": list(islice((one for one in refusals if one.kind == Kind.BAD), _SHOWN)),
        "refused": made.bad + made.duplicates + made.stopped,
    }
    return render(request, "web/list_result.html", context)


@allowed(Access.OPERATOR)
@require_POST
def looked(request: HttpRequest, batch_id: int, import_id: int) -> HttpResponse:
    """Reads it in another way, to be looked at again."""
    made = _asked(request, batch_id, import_id)
    if made.state == PREVIEW:
        list_import.look(made, _given(request, made))
    return redirect("list-import", batch_id, import_id)


@allowed(Access.OPERATOR)
@require_POST
def begin(request: HttpRequest, batch_id: int, import_id: int) -> HttpResponse:
    """Takes it as the form says."""
    made = _asked(request, batch_id, import_id)
    if made.state == PREVIEW:
        try:
            list_import.begin(made, _given(request, made))
            if made.total <= ROWS_A_PIECE:  # it takes no longer than another page
                list_import.step(actor(request), _asked(request, batch_id, import_id))
        except Conflict as error:
            messages.error(request, str(error))
    return redirect("list-import", batch_id, import_id)


def _given(request: HttpRequest, made: ListImport) -> Reading:
    width = max(len(row.cells) for row in list_import.beginning(made))
    return list_reading.changed(list_import.reading_of(made), request.POST.dict(), width)


@allowed(Access.OPERATOR)
@require_POST
def step(request: HttpRequest, batch_id: int, import_id: int) -> HttpResponse:
    """Takes one piece. The script is told how far it is, a button leads back to the page."""
    made = _asked(request, batch_id, import_id)
    scripted = request.headers.get("Accept") == "application/json"
    try:
        made = list_import.step(actor(request), made)
    except Conflict as error:
        if scripted:
            return JsonResponse({"error": str(error)}, status=409)
        messages.error(request, str(error))
    if scripted:
        return JsonResponse({"percent": _percent(made), "words": _progress(made), "done": made.state == DONE})
    return redirect("list-import", batch_id, import_id)


@allowed(Access.OPERATOR)
@require_POST
def discard(request: HttpRequest, batch_id: int, import_id: int) -> HttpResponse:
    """Throws away what was not begun."""
    list_import.discard(_asked(request, batch_id, import_id))
    return redirect("batch-import", batch_id)


@allowed(Access.OPERATOR)
@require_safe
def refused(request: HttpRequest, batch_id: int, import_id: int) -> HttpResponseBase:
    """What was not taken, as CSV."""
    made = _asked(request, batch_id, import_id)
    words = {
        Kind.BAD.value: _("bad number"),
        Kind.DUPLICATE.value: _("duplicate"),
        Kind.STOPPED.value: _("on the stop list"),
    }
    # All of it is read while the reader's language is active; it is no longer than what was uploaded.
    parts = list(list_import.refused_file(made, words))
    response = StreamingHttpResponse(parts, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="not-added-{made.pk}.csv"'
    return response


def _asked(request: HttpRequest, batch_id: int, import_id: int) -> ListImport:
    return list_import.get(member(request).account, batch_id, import_id)


def _done(made: ListImport) -> int:
    return made.taken + made.bad + made.duplicates + made.stopped


def _percent(made: ListImport) -> int:
    return 100 * _done(made) // made.total if made.total else 100


def _progress(made: ListImport) -> str:
    done = _done(made)
    words = {"done": grouped(done), "total": grouped(made.total), "taken": grouped(made.taken)}
    return (
        ngettext("%(done)s row of %(total)s, %(taken)s taken", "%(done)s rows of %(total)s, %(taken)s taken", done)
        % words
    )


urlpatterns = [
    path("batches/<int:batch_id>/import", chosen, name="batch-import"),
    path("batches/<int:batch_id>/import/<int:import_id>", shown, name="list-import"),
    path("batches/<int:batch_id>/import/<int:import_id>/look", looked, name="list-import-look"),
    path("batches/<int:batch_id>/import/<int:import_id>/begin", begin, name="list-import-begin"),
    path("batches/<int:batch_id>/import/<int:import_id>/step", step, name="list-import-step"),
    path("batches/<int:batch_id>/import/<int:import_id>/discard", discard, name="list-import-discard"),
    path("batches/<int:batch_id>/import/<int:import_id>/not-added.csv", refused, name="list-import-refused"),
]
