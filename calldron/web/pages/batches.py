"""The list of batches, and what is done to one."""

from collections.abc import Callable

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from calldron.domain.access import Access
from calldron.domain.batch import BatchState, Switch
from calldron.services import audit, batches
from calldron.services.audit import Action
from calldron.services.errors import Conflict
from calldron.store.models import Batch
from calldron.web.access import actor, allowed, member
from calldron.web.paging import Pages

PAGE = 50


@allowed(Access.VIEWER)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The account's batches."""
    name = request.GET.get("name", "").strip()
    pages = Pages.asked(request, PAGE)
    found, pages.total = batches.found(member(request).account, name=name, limit=PAGE, offset=pages.offset)
    return render(request, "web/batches.html", {"batches": found, "pages": pages, "name": name})


def _switch(way: Switch) -> Callable[..., HttpResponseBase]:
    @allowed(Access.OPERATOR)
    @require_POST
    def view(request: HttpRequest, batch_id: int) -> HttpResponse:
        _do(request, batch_id, way)
        return redirect(_place(request, request.POST, batch_id))

    return view


@allowed(Access.OPERATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Asks, and stops it for good."""
    if request.method == "POST":
        _do(request, batch_id, Switch.STOP)
        return redirect(_place(request, request.POST, batch_id))
    batch = batches.get(member(request).account, batch_id)
    return render(request, "web/batch_stop.html", {"batch": batch, "back": _place(request, request.GET, batch_id)})


def _do(request: HttpRequest, batch_id: int, way: Switch) -> None:
    try:
        batch = batches.switch_as(actor(request), batch_id, way)
    except Conflict as error:
        messages.error(request, str(error))
        return
    messages.success(request, _told(batch))


def _told(batch: Batch) -> str:
    if batch.state == BatchState.RUNNING and not batch.total:
        return _("“%(name)s” is started and waits for numbers: import a list.") % {"name": batch.name}
    words = {
        BatchState.RUNNING: _("“%(name)s” has been started."),
        BatchState.PAUSED: _("“%(name)s” is paused. Calls that are up may finish."),
        BatchState.FINISHED: _("“%(name)s” is finished: all its calls are over."),
        BatchState.STOPPED: _("“%(name)s” is stopped for good. Calls that are up may finish."),
    }
    return words[BatchState(batch.state)] % {"name": batch.name}


@allowed(Access.OPERATOR)
@require_POST
def duplicate(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Makes another one like it and leads to its form."""
    who = actor(request)
    with transaction.atomic():
        batch = batches.duplicate(who.account, batch_id)
        audit.note(who, Action.BATCH_CREATED, batch.name)
    messages.success(request, _("This is the copy. It has no numbers yet: change what you like, then import a list."))
    return redirect("batch-edit", batch.pk)


@allowed(Access.OPERATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: HttpRequest, batch_id: int) -> HttpResponse:
    """Says what would go, and deletes it."""
    who = actor(request)
    batch = batches.get(who.account, batch_id)
    if request.method == "POST":
        with transaction.atomic():
            batches.delete(who.account, batch_id)
            audit.note(who, Action.BATCH_DELETED, batch.name, {"calls": batch.total})
        messages.success(request, _("“%(name)s” is deleted.") % {"name": batch.name})
        return redirect("batches")
    context = {"batch": batch, "back": _place(request, request.GET, batch_id)}
    return render(request, "web/batch_delete.html", context)


def _place(request: HttpRequest, given: QueryDict, batch_id: int) -> str:
    """The page on which the button was; where it doesn't say, the batch's own."""
    place = given.get("next", "")
    ours = url_has_allowed_host_and_scheme(place, {request.get_host()}, require_https=request.is_secure())
    return place if ours else reverse("batch", args=[batch_id])


urlpatterns = [
    path("batches/", listed, name="batches"),
    path("batches/<int:batch_id>/start", _switch(Switch.START), name="batch-start"),
    path("batches/<int:batch_id>/pause", _switch(Switch.PAUSE), name="batch-pause"),
    path("batches/<int:batch_id>/resume", _switch(Switch.RESUME), name="batch-resume"),
    path("batches/<int:batch_id>/stop", stop, name="batch-stop"),
    path("batches/<int:batch_id>/duplicate", duplicate, name="batch-duplicate"),
    path("batches/<int:batch_id>/delete", delete, name="batch-delete"),
]
