"""Who may see a page: every view of the cabinet says so, or is open on purpose."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from calldron.domain.access import Access
from calldron.services.audit import Actor
from calldron.services.errors import NotFound
from calldron.store.models import User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def allowed(needed: Access) -> Callable[[View[P]], View[P]]:
    """Let in people of any account who have this access in theirs. Others are shown the way: to the sign-in, or why
    not (403). What is another account's is not there (404): ``NotFound`` of a service becomes that."""
    return _only(lambda user: Access(user.access).covers(needed))


def administrators(view: View[P]) -> View[P]:
    """Let in who keeps the installation: its trunks are everybody's."""
    return _only(lambda user: user.is_superuser)(view)


def member(request: HttpRequest) -> User:
    """Who asks, in a view that only people who signed in get to."""
    return cast("User", request.user)


def _only(may: Callable[[User], bool]) -> Callable[[View[P]], View[P]]:
    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_sign_in(request)
            if not may(member(request)):
                return forbidden(request)
            try:
                return view(request, *args, **kwargs)
            except NotFound as error:
                raise Http404(str(error)) from error

        guarded.guarded = True  # type: ignore[attr-defined] # read by the test that no view is open by mistake
        return cast("View[P]", guarded)

    return decorate


def _to_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Back to the page afterwards. A fragment's place is no place for the sign-in: its whole page goes there."""
    if "HX-Request" not in request.headers:
        return redirect_to_login(request.get_full_path()) if request.method in ("GET", "HEAD") else redirect("sign-in")
    page = urlsplit(request.headers.get("HX-Current-URL", "/"))
    response = HttpResponse(status=401)
    response["HX-Redirect"] = redirect_to_login(page._replace(scheme="", netloc="").geturl()).url
    return response


def unattended(view: View[P]) -> View[P]:
    """Mark a view that an open page asks for by itself: that is no use of a session."""
    view.unattended = True  # type: ignore[attr-defined] # read by ``SeenSessions``
    return view


def everybody(view: View[P]) -> View[P]:
    """Mark a view that is open to who has not signed in."""
    view.guarded = True  # type: ignore[attr-defined] # as above
    return view


def forbidden(request: HttpRequest) -> HttpResponseBase:
    """The page that says that one's access is too low."""
    detail = _("Your access does not allow this. Ask an owner of the account.")
    return render(request, "web/problem.html", {"title": _("Not allowed"), "detail": detail}, status=403)


def actor(request: HttpRequest) -> Actor:
    """Who asks, as the journal names them."""
    user = member(request)
    return Actor(user.account, user, address(request))


def address(request: HttpRequest) -> str:
    """Where a request comes from, behind the proxies of ``CALLDRON_TRUSTED_PROXIES``; no longer than an address is."""
    return str(request.META.get("REMOTE_ADDR", ""))[:45]
