"""Numbers that are never called."""

from functools import partial

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from calldron.domain.access import Access
from calldron.domain.errors import InvalidInput
from calldron.services import audit, stop_list, stop_list_csv, typed_numbers
from calldron.services.audit import Action
from calldron.services.errors import FieldError
from calldron.services.stop_list import Entry
from calldron.web import uploads
from calldron.web.access import actor, allowed, member
from calldron.web.paging import Pages
from calldron.web.templatetags.cabinet import grouped

PAGE = 50
MOST = 250_000  # numbers of one file
_MISTAKES_SHOWN = 10

SOURCES = {
    "opt_out": gettext_lazy("asked by a key"),
    "cabinet": gettext_lazy("by a colleague"),
    "api": gettext_lazy("by a program"),
    "csv": gettext_lazy("from a file"),
}


@allowed(Access.VIEWER)
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """The list, or those of it that are looked for."""
    return _page(request)


def _page(request: HttpRequest, errors: list[FieldError] | None = None, many: str = "") -> HttpResponse:
    account = member(request).account
    pages = Pages.asked(request, PAGE)
    q = request.GET.get("q", "").strip()[:40]
    found, pages.total = stop_list.search(account, q, limit=PAGE, offset=pages.offset)
    context = {
        "entries": [(entry, SOURCES.get(entry.source, entry.source)) for entry in found],
        "pages": pages,
        "q": q,
        "errors": {error.field: error.message for error in errors or ()},
        "given": request.POST if errors or many else {},
        "many": many,
    }
    return render(request, "web/stop_list.html", context, status=422 if errors or many else 200)


@allowed(Access.OPERATOR)
@require_POST
def add(request: HttpRequest) -> HttpResponse:
    """One number."""
    errors: list[FieldError] = []
    number = typed_numbers.meant(member(request).account, request.POST.get("number", "").strip())
    given = {"number": number, "comment": request.POST.get("comment", "").strip()}
    entry = stop_list.read(given, errors)
    if entry is None:
        return _page(request, errors)
    if _added(request, [entry], "cabinet", entry.number):
        messages.success(request, _("%(number)s will not be called any more.") % {"number": entry.number})
    else:
        messages.info(request, _("%(number)s is on the stop list already.") % {"number": entry.number})
    return redirect("stop-list")


@allowed(Access.OPERATOR)
@require_POST
def add_many(request: HttpRequest) -> HttpResponse:
    """A file, or pasted lines. What can be read is added whatever else is in it: these people do not want to be
    called."""
    mistakes: list[FieldError] = []
    try:
        file = uploads.file(request, "file")
        meant = partial(typed_numbers.meant, member(request).account)
        entries = stop_list_csv.read(_bytes(request) if file is None else file.read(), mistakes, meant)
        if len(entries) > MOST:
            raise InvalidInput(_("There are more than %(most)s numbers. Split the list.") % {"most": grouped(MOST)})
    except InvalidInput as error:
        return _page(request, many=str(error))
    words = ngettext("%(count)s number", "%(count)s numbers", len(entries)) % {"count": grouped(len(entries))}
    added = _added(request, entries, "cabinet" if file is None else "csv", words) if entries else 0
    known = len({entry.number for entry in entries}) - added
    told = _("Added: %(added)s. On the list already: %(known)s.")
    messages.success(request, told % {"added": grouped(added), "known": grouped(known)})
    for mistake in mistakes[:_MISTAKES_SHOWN]:
        line = mistake.field.removeprefix("line ")
        messages.warning(request, _("Line %(line)s: %(mistake)s") % {"line": line, "mistake": mistake.message})
    if len(mistakes) > _MISTAKES_SHOWN:
        messages.warning(request, _("Lines that can't be read, in all: %(count)s.") % {"count": grouped(len(mistakes))})
    return redirect("stop-list")


def _bytes(request: HttpRequest) -> bytes:
    pasted = request.POST.get("numbers", "")
    if not pasted.strip():
        raise InvalidInput(_("Choose a file, or paste numbers."))
    return pasted.encode(errors="replace")


def _added(request: HttpRequest, entries: list[Entry], source: str, subject: str) -> int:
    who = actor(request)
    with transaction.atomic():
        added = stop_list.add(who.account, entries, source)
        if added:
            audit.note(who, Action.STOP_LIST_ADDED, subject, {"added": added})
    return added


@allowed(Access.OPERATOR)
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, number: str) -> HttpResponse:
    """Asks, and takes it off."""
    account = member(request).account
    entry = stop_list.get(account, number)
    if request.method != "POST":
        return render(request, "web/stop_list_remove.html", {"entry": entry, "source": SOURCES.get(entry.source)})
    with transaction.atomic():
        if stop_list.remove(account, [number]):
            audit.note(actor(request), Action.STOP_LIST_REMOVED, number)
    messages.success(request, _("%(number)s is off the stop list: calls to come may reach it.") % {"number": number})
    return redirect("stop-list")


@allowed(Access.VIEWER)
@require_safe
def file(request: HttpRequest) -> HttpResponseBase:
    """The whole list as CSV."""
    pieces = stop_list_csv.write(stop_list.whole(member(request).account))
    response = StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="stop-list.csv"'
    return response


urlpatterns = [
    path("stop-list/", listed, name="stop-list"),
    path("stop-list/add", add, name="stop-list-add"),
    path("stop-list/add-many", add_many, name="stop-list-add-many"),
    path("stop-list/stop-list.csv", file, name="stop-list-file"),
    path("stop-list/<str:number>/remove", remove, name="stop-list-remove"),
]
