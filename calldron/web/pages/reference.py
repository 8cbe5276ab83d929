"""The API's reference in the reader's language, with samples for their own host and batches."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from calldron.config import config
from calldron.domain.access import Access
from calldron.services import newest
from calldron.web import samples
from calldron.web.access import allowed, member
from calldron.web.reference_sections import SECTIONS, Operation

_LANGUAGE = "samples"  # in the session, and in the address
_NUMBER = "+79997778855"


@allowed(Access.VIEWER)
@require_safe
def reference(request: HttpRequest) -> HttpResponse:
    """Every operation with a sample in one language, which is remembered."""
    chosen = request.GET.get(_LANGUAGE, request.session.get(_LANGUAGE, "curl"))
    if chosen not in samples.LANGUAGES:
        chosen = "curl"
    if request.session.get(_LANGUAGE, "curl") != chosen:
        request.session[_LANGUAGE] = chosen
    host = config().public_url.rstrip("/")
    shown = {
        "sections": list(_sections(host, newest.ids(member(request).account), chosen)),
        "languages": {code: title for code, (title, _write) in samples.LANGUAGES.items()},
        "chosen": chosen,
        "host": host,
    }
    return render(request, "web/reference.html", shown)


def _sections(host: str, ids: tuple[int, int], language: str) -> Iterator[dict[str, object]]:
    _title, write = samples.LANGUAGES[language]
    for section in SECTIONS:
        operations = [
            {"is": operation, "sample": write(request_of(operation, host, ids))} for operation in section.operations
        ]
        yield {"is": section, "operations": operations}


def request_of(operation: Operation, host: str, ids: tuple[int, int]) -> samples.Request:
    """An operation as it is asked for on this host, of this batch and call."""
    batch, call = ids
    there = operation.path.format(batch_id=batch, call_id=call, number=_NUMBER)
    url = f"{host}{there}{operation.query}"
    return samples.Request(operation.method, url, operation.body, operation.headers, operation.saved_as)


urlpatterns = [path("docs/", reference, name="reference")]
