"""One's own name and language, the account's settings, its key, one's sessions."""

from collections.abc import Mapping
from zoneinfo import available_timezones

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from calldron.domain.access import Access
from calldron.services import account_fields, accounts, passwords, people, sessions, typed_numbers
from calldron.services.errors import FieldError, NotFound
from calldron.services.guesses import LockedOut
from calldron.store.models import ApiKey
from calldron.web.access import actor, address, allowed, member

_QUOTAS = ("quota_day", "quota_week", "quota_month")
_ACCOUNT = ("name", "from", "time_zone", *_QUOTAS)


@require_http_methods(["GET", "HEAD", "POST"])
@allowed(Access.VIEWER)
def oneself(request: HttpRequest) -> HttpResponseBase:
    """Everything there is, and a change of name and language."""
    if request.method != "POST":
        return _page(request)
    errors: list[FieldError] = []
    given = {name: request.POST.get(name, "") for name in ("name", "language")}
    columns = people.about_oneself(given, errors)
    if errors:
        return _page(request, errors, person=given)
    people.change_oneself(member(request), columns)
    with translation.override(str(columns["language"])):
        messages.success(request, _("Saved."))
    return redirect("profile")


@require_POST
@allowed(Access.VIEWER)
def password(request: HttpRequest) -> HttpResponseBase:
    """A new password, by the old one; other sessions end."""
    me, errors = member(request), list[FieldError]()
    old, new = request.POST.get("old", ""), request.POST.get("new", "")
    try:
        passwords.change(me, old, new, address(request), errors)
    except LockedOut as lock:
        response = _page(request, status=429, locked=lock)
        response["Retry-After"] = str(lock.seconds)
        return response
    if errors:
        return _page(request, errors)
    update_session_auth_hash(request, me)  # with a new key
    key = request.session.session_key or ""
    sessions.begin(me, key, address(request), request.headers.get("User-Agent", ""))
    messages.success(request, _("The password is changed. Other browsers have to sign in again."))
    return redirect("profile")


@require_POST
@allowed(Access.OWNER)
def account(request: HttpRequest) -> HttpResponseBase:
    """What the account's calls go by where a batch says nothing."""
    errors: list[FieldError] = []
    given: dict[str, object] = {name: request.POST.get(name, "") for name in _ACCOUNT}
    given["from"] = typed_numbers.meant(member(request).account, str(given["from"]))
    given["strict_numbers"] = "strict_numbers" in request.POST
    columns = account_fields.read(given, errors)
    if errors:
        return _page(request, errors, account=given, account_mistaken=True)
    accounts.change(actor(request), columns)
    messages.success(request, _("Saved."))
    return redirect("profile")


@require_POST
@allowed(Access.OWNER)
def key(request: HttpRequest) -> HttpResponseBase:
    """Make the API key anew. It is shown here and kept nowhere, so this answer is no redirect."""
    return render(request, "web/key.html", {"key": accounts.renew_key(actor(request))})


@require_POST
@allowed(Access.VIEWER)
def end_session(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Put another browser out."""
    if not sessions.end(actor(request), pk):
        raise NotFound(_("There is no such session."))
    messages.success(request, _("That session is over."))
    return redirect("profile")


@require_POST
@allowed(Access.VIEWER)
def end_other_sessions(request: HttpRequest) -> HttpResponseBase:
    """Put all other browsers out."""
    sessions.end_all_but(actor(request), request.session.session_key)
    messages.success(request, _("All other sessions are over."))
    return redirect("profile")


def _page(
    request: HttpRequest, errors: list[FieldError] | None = None, status: int = 0, **shown: object
) -> HttpResponse:
    me = member(request)
    things: Mapping[str, object] = {
        "person": {"name": me.name, "language": me.language},
        "account": _as_given(request),
        "key_of": ApiKey.objects.filter(account=me.account).first(),
        "sessions": sessions.of(me),
        "this_one": request.session.session_key,
        "zones": sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")),
        "mistakes": {error.field: error.message for error in errors or ()},
        **shown,
    }
    return render(request, "web/profile.html", things, status=status or (422 if errors else 200))


def _as_given(request: HttpRequest) -> dict[str, object]:
    """The account's settings by the names that its form has for them."""
    row = member(request).account
    return {
        "name": row.name,
        "from": row.caller_id,
        "time_zone": row.time_zone,
        "strict_numbers": row.strict_numbers,
        **{name: getattr(row, name) or "" for name in _QUOTAS},
    }


urlpatterns = [
    path("users/edit", oneself, name="profile"),
    path("users/password", password, name="profile-password"),
    path("users/account", account, name="profile-account"),
    path("users/key", key, name="profile-key"),
    path("users/sessions/<int:pk>/end", end_session, name="session-end"),
    path("users/sessions/end-others", end_other_sessions, name="sessions-end-others"),
]
