"""The calls of a batch, and one of them."""

import os
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import path
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from calldron import byte_ranges
from calldron.domain.access import Access
from calldron.domain.errors import InvalidInput
from calldron.services import audit, batches, call_list, calls, history, recordings, timeline, why
from calldron.services.audit import Action
from calldron.services.call_list import Filter, Page
from calldron.services.errors import Conflict
from calldron.store.models import Batch, Call, User
from calldron.web import fragments
from calldron.web.access import actor, allowed, member, unattended
from calldron.web.fragments import NEVER, Fragment

MOST_ATTEMPTS = 100

# Seconds until the page of a call asks again.
_WHILE_IT_IS_UP = 1.0
_WHILE_IT_WAITS = 5.0
_RECORDED_WITHIN = timedelta(minutes=10)  # of its end, or never
_RECORDING_COMES = 2.0


@allowed(Access.VIEWER)
def listed(request: HttpRequest, batch_id: int) -> HttpResponse:
    """The list, or those of it that are looked for."""
    batch = batches.get(member(request).account, batch_id)
    which = Filter(*(request.GET.get(name, "").strip() for name in ("status", "result", "q")))
    after, error = _whole(request.GET.get("after", "")), ""
    try:
        page = call_list.page(batch, which, after=after)
    except InvalidInput as refused:
        page, error = Page([]), str(refused)
    asked = {name: word for name, word in (("status", which.status), ("result", which.result), ("q", which.q)) if word}
    context = {
        "batch": batch,
        "page": page,
        "which": which,
        "error": error,
        "statuses": call_list.STATUSES,
        "results": call_list.RESULTS,
        "first": f"?{urlencode(asked)}" if after else "",
        "following": f"?{urlencode({**asked, 'after': page.after})}" if page.after else "",
        "query": urlencode(asked),
    }
    return render(request, "web/calls.html", context)


@allowed(Access.VIEWER)
def shown(request: HttpRequest, batch_id: int, call_id: int) -> HttpResponse:
    """One call."""
    batch, call = _asked(request, batch_id, call_id)
    fragment = _fragment(batch, call, member(request))
    html = mark_safe(fragment.html)  # noqa: S308 - rendered from our own template
    return render(request, "web/call.html", {"batch": batch, "call": call, "fragment": fragment, "live": html})


@unattended
@allowed(Access.VIEWER)
def changed(request: HttpRequest, batch_id: int, call_id: int) -> HttpResponse:
    """What of its page changes by itself."""
    batch, call = _asked(request, batch_id, call_id)
    return fragments.answer(request, _fragment(batch, call, member(request)))


@allowed(Access.VIEWER)
def recording(request: HttpRequest, batch_id: int, call_id: int) -> HttpResponseBase:
    """What was said, as mp3: whole, or the part that a player asks for."""
    _batch, call = _asked(request, batch_id, call_id)
    file = recordings.open_recording(call)
    found = os.fstat(file.fileno())
    etag = f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
    name = f"{call.number.removeprefix('+')}-{call.pk}.mp3"
    headers = {"ETag": etag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    span = byte_ranges.asked(request.headers, found.st_size, etag)
    if span is None:
        saved = "download" in request.GET
        return FileResponse(file, as_attachment=saved, filename=name, content_type="audio/mpeg", headers=headers)
    with file:
        if not span:
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{found.st_size}"})
        file.seek(span.start)
        part = file.read(len(span))
    headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{found.st_size}"
    return HttpResponse(part, status=206, content_type="audio/mpeg", headers=headers)


@require_POST
@allowed(Access.OPERATOR)
def cancel(request: HttpRequest, batch_id: int, call_id: int) -> HttpResponse:
    """Take it back."""
    account = member(request).account
    _batch, call = _asked(request, batch_id, call_id)
    try:
        with transaction.atomic():
            calls.cancel(account, batch_id, call_id)
            audit.note(actor(request), Action.CALL_CANCELED, call.number)
    except Conflict as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The call is taken back."))
    return redirect("call", batch_id, call_id)


def _asked(request: HttpRequest, batch_id: int, call_id: int) -> tuple[Batch, Call]:
    account = member(request).account
    return batches.get(account, batch_id), calls.get(account, batch_id, call_id)


def _whole(written: str) -> int:
    return int(written) if written.isascii() and written.isdecimal() and len(written) < len(str(2**63)) else 0


def _fragment(batch: Batch, call: Call, user: User) -> Fragment:
    now = datetime.now(UTC)
    attempts, total = history.page(call, limit=MOST_ATTEMPTS, offset=0)
    told = why.of_call(user.account, batch.pk, call.pk, now)
    lines = timeline.draw(attempts, now)
    context = {
        "batch": batch,
        "call": call,
        "user": user,
        "why": told,
        "goes_on": told.eligible_at if told.eligible_at and told.eligible_at > now + fragments.SOON else None,
        "lines": lines[::-1],
        "left_out": total - len(attempts),
        "stages": {
            timeline.Stage.DIALLED: _("dialled"),
            timeline.Stage.RINGING: _("rings"),
            timeline.Stage.TALKING: _("talks"),
        },
    }
    return Fragment(render_to_string("web/call_live.html", context), _again(batch, call, now))


def _again(batch: Batch, call: Call, now: datetime) -> float:
    if not call.final:
        return _WHILE_IT_WAITS if call.due_at is not None else _WHILE_IT_IS_UP
    comes = batch.record and call.talk and not call.recording
    if comes and call.ended_at is not None and now < call.ended_at + _RECORDED_WITHIN:
        return _RECORDING_COMES
    return NEVER


urlpatterns = [
    path("batches/<int:batch_id>/calls/", listed, name="batch-calls"),
    path("batches/<int:batch_id>/calls/<int:call_id>/", shown, name="call"),
    path("batches/<int:batch_id>/calls/<int:call_id>/live", changed, name="call-live"),
    path("batches/<int:batch_id>/calls/<int:call_id>/record.mp3", recording, name="call-recording"),
    path("batches/<int:batch_id>/calls/<int:call_id>/cancel", cancel, name="call-cancel"),
]
