"""Who did what."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from calldron.domain.access import Access
from calldron.services import audit
from calldron.web.access import allowed, member
from calldron.web.paging import Pages

_SIZE = 50


@require_safe
@allowed(Access.OWNER)
def listed(request: HttpRequest) -> HttpResponseBase:
    """The newest first, of everybody or of one."""
    account, who = member(request).account, request.GET.get("who", "").replace("\0", "")
    pages = Pages.asked(request, _SIZE)
    entries, pages.total = audit.page(account, limit=_SIZE, offset=pages.offset, who=who)
    shown = {"entries": entries, "pages": pages, "who": who, "everybody": audit.everybody(account)}
    return render(request, "web/journal.html", shown)


urlpatterns = [path("journal/", listed, name="journal")]
