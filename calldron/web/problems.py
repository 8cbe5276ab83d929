"""Pages for what goes wrong: unknown paths and crashes."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """There is no such page, or it is another account's."""
    detail = _("There is no such page. It may have been deleted, or the address is not whole.")
    return render(request, "web/problem.html", {"title": _("Not found"), "detail": detail}, status=404)


def too_old(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without the token that belongs to this browser's cookie: another site's, or from before a sign-in."""
    detail = _("This page was open from before you signed in or out. Go back, load it again and send it once more.")
    return render(request, "web/problem.html", {"title": _("This page is too old"), "detail": detail}, status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """Something of ours failed; the log says what."""
    detail = _("Something went wrong here. It is in the log of the web server. Try again in a moment.")
    return render(request, "web/problem.html", {"title": _("An error"), "detail": detail}, status=500)
