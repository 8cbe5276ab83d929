"""Signing in and out, and the language of who has not."""

import time
from collections.abc import Mapping

from django.conf import settings
from django.contrib.auth import login, logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render, resolve_url
from django.urls import path
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from calldron.services import audit, sessions, setup, sign_in
from calldron.services.audit import Action
from calldron.services.guesses import LockedOut
from calldron.store.models import User
from calldron.web.access import actor, address, everybody

_HALF = "half signed in"  # in the session
_PATIENCE = 300  # seconds from the password to the code
_A_YEAR = 365 * 24 * 3600


@everybody
@require_http_methods(["GET", "HEAD", "POST"])
def by_password(request: HttpRequest) -> HttpResponseBase:
    """The form, and what comes of it."""
    onward = own_path(request.POST.get("next") or request.GET.get("next"))
    if request.user.is_authenticated:
        return redirect(onward)
    if request.method != "POST":
        return redirect("setup") if setup.due() else render(request, "web/sign_in.html", {"next": onward})
    email = request.POST.get("email", "")
    shown = {"next": onward, "email": email}
    try:
        user = sign_in.by_password(email, request.POST.get("password", ""), address(request))
    except LockedOut as lock:
        return locked_out(request, "web/sign_in.html", shown, lock)
    if user is None:
        return render(request, "web/sign_in.html", {**shown, "error": _("E-mail or password is wrong.")}, status=422)
    if user.totp_secret:
        request.session[_HALF] = {
            "user": user.pk,
            "password": user.get_session_auth_hash(),
            "at": time.time(),
            "next": onward,
        }
        return redirect("sign-in-code")
    let_in(request, user)
    return redirect(onward)


@everybody
@require_http_methods(["GET", "HEAD", "POST"])
def by_code(request: HttpRequest) -> HttpResponseBase:
    """What is asked for after the password, of who turned it on."""
    user = _half_in(request)
    if user is None:
        return redirect("sign-in")
    if request.method != "POST":
        return render(request, "web/sign_in_code.html")
    try:
        right = sign_in.by_code(user, request.POST.get("code", ""), address(request))
    except LockedOut as lock:
        return locked_out(request, "web/sign_in_code.html", {}, lock)
    if not right:
        error = _("This code is wrong or was used before. Wait for the next one.")
        return render(request, "web/sign_in_code.html", {"error": error}, status=422)
    onward = own_path(request.session[_HALF]["next"])
    let_in(request, user)
    return redirect(onward)


@everybody
@require_POST
def out(request: HttpRequest) -> HttpResponseBase:
    """End this session."""
    if request.user.is_authenticated:
        audit.note(actor(request), Action.SIGNED_OUT)
        sessions.end_this(request.session.session_key)
        logout(request)
    return redirect("sign-in")


@everybody
@require_POST
def language(request: HttpRequest) -> HttpResponseBase:
    """The language of the pages: kept with the person, or for strangers in the browser."""
    onward = own_path(request.POST.get("next"))
    response = redirect(onward)
    chosen = request.POST.get("language", "")
    if chosen not in dict(settings.LANGUAGES):
        return response
    if request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(language=chosen)
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME,
        chosen,
        max_age=_A_YEAR,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def let_in(request: HttpRequest, user: User) -> None:
    """Make the session theirs; its key is a new one, so that nobody knows it from before."""
    login(request, user)
    request.session.pop(_HALF, None)
    request.session.save()
    key = request.session.session_key or ""
    sessions.begin(user, key, address(request), request.headers.get("User-Agent", ""))
    sign_in.complete(user, address(request))


def own_path(given: object) -> str:
    """Where to go on: a path of ours, never somebody else's site."""
    if isinstance(given, str) and given.startswith("/") and url_has_allowed_host_and_scheme(given, allowed_hosts=None):
        return given
    return resolve_url(settings.LOGIN_REDIRECT_URL)


def locked_out(request: HttpRequest, template: str, shown: Mapping[str, object], lock: LockedOut) -> HttpResponse:
    """The same form, and when to try again."""
    response = render(request, template, {**shown, "locked": lock}, status=429)
    response["Retry-After"] = str(lock.seconds)
    return response


def _half_in(request: HttpRequest) -> User | None:
    """Who gave the right password a moment ago, and has to give a code yet."""
    half = request.session.get(_HALF)
    if half is None or half["at"] < time.time() - _PATIENCE:
        return None
    user = User.objects.filter(pk=half["user"], is_active=True).select_related("account").first()
    return user if user and user.totp_secret and user.get_session_auth_hash() == half["password"] else None


urlpatterns = [
    path("sign-in", by_password, name="sign-in"),
    path("sign-in/code", by_code, name="sign-in-code"),
    path("sign-out", out, name="sign-out"),
    path("language", language, name="language"),
]
