"""Calls as CSV and XLSX, with the filter of their page."""

from collections.abc import Callable, Iterator

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
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

_CSV = "text/csv; charset=utf-8"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@allowed(Access.VIEWER)
@require_safe
def as_csv(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    """For every program."""
    return _export(request, batch_id, "csv", _CSV, Sheet.csv)


@allowed(Access.VIEWER)
@require_safe
def as_xlsx(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    """For Excel and its like."""
    return _export(request, batch_id, "xlsx", _XLSX, Sheet.xlsx)


def _export(
    request: HttpRequest, batch_id: int, kind: str, content_type: str, written: Callable[[Sheet], Iterator[bytes]]
) -> HttpResponseBase:
    """Sent as it is ``written``."""
    batch = batches.get(member(request).account, batch_id)
    try:
        sheet = _asked(request, batch, kind)
    except InvalidInput as error:
        messages.error(request, str(error))
        return redirect("batch-calls", batch_id)
    response = StreamingHttpResponse(written(sheet), content_type=content_type)
    response["Content-Disposition"] = content_disposition_header(True, f"{_name(batch)}.{kind}")
    return response


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
