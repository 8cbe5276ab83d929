"""Codes at sign-in: turned on with an authenticator at hand, off with the password."""

import segno
from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from calldron.domain.access import Access
from calldron.services import one_time_codes, sign_in
from calldron.services.guesses import LockedOut
from calldron.store.models import User
from calldron.web.access import actor, address, allowed, member
from calldron.web.pages.sign_in import locked_out

_NOT_YET = "authenticator being set up"  # in the session, until it is confirmed


@require_http_methods(["GET", "HEAD", "POST"])
@allowed(Access.VIEWER)
def turn_on(request: HttpRequest) -> HttpResponseBase:
    """Show the secret, until the authenticator's code shows that it is there."""
    me = member(request)
    if me.totp_secret:
        return redirect("profile")
    secret = request.session.setdefault(_NOT_YET, one_time_codes.new_secret())
    shown: dict[str, object] = {"picture": _picture(secret, me), "secret": secret}
    if request.method != "POST":
        return render(request, "web/codes_on.html", shown)
    if not one_time_codes.turn_on(actor(request), me, secret, request.POST.get("code", "")):
        error = _("This is not the code. Is the clock of the telephone right?")
        return render(request, "web/codes_on.html", {**shown, "error": error}, status=422)
    del request.session[_NOT_YET]
    messages.success(request, _("From now on a code is asked for at sign-in."))
    return redirect("profile")


@require_http_methods(["GET", "HEAD", "POST"])
@allowed(Access.VIEWER)
def turn_off(request: HttpRequest) -> HttpResponseBase:
    """By the password: whoever finds a browser open can't."""
    me = member(request)
    if not me.totp_secret:
        return redirect("profile")
    if request.method != "POST":
        return render(request, "web/codes_off.html")
    try:
        right = sign_in.is_still(me, request.POST.get("password", ""), address(request))
    except LockedOut as lock:
        return locked_out(request, "web/codes_off.html", {}, lock)
    if not right:
        return render(request, "web/codes_off.html", {"error": _("This is not your password.")}, status=422)
    one_time_codes.turn_off(actor(request), me)
    messages.success(request, _("Codes at sign-in are off."))
    return redirect("profile")


def _picture(secret: str, user: User) -> SafeString:
    """A QR code, dark on light in either theme: cameras want it so."""
    code = segno.make(one_time_codes.address_of(secret, user), error="m")
    svg = code.svg_inline(scale=5, light="#fff", svgclass="qr", lineclass=None, title=_("QR code"))
    return mark_safe(svg)  # noqa: S308 - what is drawn is squares; the title is ours


urlpatterns = [
    path("users/codes", turn_on, name="codes-on"),
    path("users/codes/off", turn_off, name="codes-off"),
]
