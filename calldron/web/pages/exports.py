"""Calls as CSV and XLSX, with the filter of their page."""

from collections.abc import Callable

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from calldron.domain.access import Access
from calldron.domain.call import CallStatus
from calldron.domain.errors import InvalidInput
from calldron.domain.outcome import Result
from calldron.services import audit, batches, call_list
from calldron.services.audit import Action
from calldron.services.exports import Sheet
from calldron.store.models import Batch
from calldron.web.access import actor, allowed, member
from calldron.web.templatetags.cabinet import word

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@allowed(Access.VIEWER)
@require_safe
def as_csv(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    """Sent as it is written."""
    return _export(request, batch_id, "csv", _sent)


@allowed(Access.VIEWER)
@require_safe
def as_xlsx(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    """Written first: some seconds for 100,000 calls."""
    return _export(request, batch_id, "xlsx", _written)


def _export(
    request: HttpRequest, batch_id: int, kind: str, answer: Callable[[Sheet, str], HttpResponseBase]
) -> HttpResponseBase:
    """``answer`` makes one of the sheet and the name of its file."""
    batch = batches.get(member(request).account, batch_id)
    try:
        sheet = _asked(request, batch, kind)
    except InvalidInput as error:
        messages.error(request, str(error))
        return redirect("batch-calls", batch_id)
    return answer(sheet, f"{_name(batch)}.{kind}")


def _sent(sheet: Sheet, filename: str) -> HttpResponseBase:
    response = StreamingHttpResponse(sheet.csv(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = content_disposition_header(True, filename)
    return response


def _written(sheet: Sheet, filename: str) -> HttpResponseBase:
    return FileResponse(sheet.xlsx(), as_attachment=True, filename=filename, content_type=_XLSX)


def _asked(request: HttpRequest, batch: Batch, kind: str) -> Sheet:
    """Raises ``InvalidInput``."""
    asked = {name: request.GET.get(name, "").strip() for name in ("status", "result", "q")}
    calls = call_list.filtered(batch, **asked)
    by_filter = {name: words for name, words in asked.items() if words}
    audit.note(actor(request), Action.CALLS_EXPORTED, batch.name, {"format": kind, **by_filter})
    return Sheet(calls, {code.value: word(code.value) for code in (*CallStatus, *Result)})


def _name(batch: Batch) -> str:
    return f"{slugify(batch.name, allow_unicode=True) or 'calls'}-{batch.pk}"


urlpatterns = [
    path("batches/<int:batch_id>/calls.csv", as_csv, name="batch-export-csv"),
    path("batches/<int:batch_id>/calls.xlsx", as_xlsx, name="batch-export-xlsx"),
]
