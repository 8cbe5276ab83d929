"""Pages for what goes wrong: unknown paths, crashes, a database that is away."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """There is no such page, or it is another account's."""
    detail = _("There is no such page. It may have been deleted, or the address is not whole.")
    return render(request, "web/problem.html", {"title": _("Not found"), "detail": detail}, status=404)


def too_old(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without the token that belongs to this browser's cookie: another site's, or from before a sign-in."""
    detail = _("This page was open from before you signed in or out. Go back, load it again and send it once more.")
    return render(request, "web/problem.html", {"title": _("This page is too old"), "detail": detail}, status=403)


def broken(_request: HttpRequest) -> HttpResponse:
    """Something of ours failed; the log says what. What the page is made of must not need the database, which a look at
    who asks does: it may be what failed, and an error here would leave the browser with nothing."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        detail = _("Nothing is lost by that. Try again in a moment; the log of the web server says what is wrong.")
        page = HttpResponse(_page(_("The database does not answer"), detail), status=503)
        page["Retry-After"] = "5"
        return page
    detail = _("Something went wrong here. It is in the log of the web server. Try again in a moment.")
    return HttpResponse(_page(_("An error"), detail), status=500)


def _page(title: str, detail: str) -> str:
    return render_to_string("web/problem.html", {"title": title, "detail": detail})
