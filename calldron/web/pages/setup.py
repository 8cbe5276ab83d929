"""The first run: language, owner, trunk or sandbox, a test call. Where it was left is kept with the installation."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from calldron.domain.errors import CalldronError
from calldron.services import setup, trial_calls
from calldron.services.errors import Refused
from calldron.services.setup import Step
from calldron.web import trunk_form
from calldron.web.access import address, administrators, everybody, member
from calldron.web.pages import trunks
from calldron.web.pages.sign_in import let_in

_TOKEN = "setup token"  # noqa: S105 - its place in the session
_PLACES = {Step.OWNER: "setup-owner", Step.TRUNK: "setup-trunk", Step.CALL: "setup-call"}


@everybody
@require_safe
def home(_request: HttpRequest) -> HttpResponse:
    """The batches; while nobody can sign in, the setup."""
    return redirect("setup" if setup.due() else "batches")


@everybody
@require_safe
def begin(request: HttpRequest) -> HttpResponse:
    """The language, for who has the token; who has been here before is led to where it was left."""
    if not setup.due():
        step = setup.step()
        return redirect(_PLACES[step] if step and member(request).is_superuser else "home")
    given = request.GET.get("token")
    if given is not None and setup.opened_by(given):
        request.session[_TOKEN] = given
        return redirect("setup")  # so that it stays neither in the address bar nor in the history
    if given is None and setup.opened_by(request.session.get(_TOKEN)):
        return render(request, "web/setup_language.html", {"step": 1})
    return render(request, "web/setup_closed.html", {"wrong": given is not None}, status=403)


@everybody
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def owner(request: HttpRequest) -> HttpResponseBase:
    """Who it is that has the installation; they are signed in at once."""
    token = request.session.get(_TOKEN)
    if not setup.opened_by(token):
        return redirect("setup")
    if request.method != "POST":
        return render(request, "web/setup_owner.html", {"step": 2})
    try:
        user = setup.make_owner(token, request.POST.dict(), get_language() or "en", address(request))
    except Refused as refusal:
        wrong = {error.field: error.message for error in refusal.errors}
        shown = {"step": 2, "wrong": wrong, "email": request.POST.get("email"), "name": request.POST.get("name")}
        return render(request, "web/setup_owner.html", shown, status=422)
    request.session.pop(_TOKEN)
    user.backend = "django.contrib.auth.backends.ModelBackend"
    let_in(request, user)
    return redirect("setup-trunk")


@administrators
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def trunk(request: HttpRequest) -> HttpResponseBase:
    """A trunk, or the sandbox for now."""
    if setup.step() is None:
        return redirect("trunks")
    carrier = trial_calls.carrier()
    real = carrier if carrier is not None and not carrier.sandbox else None
    if request.method != "POST":
        return render(request, "web/setup_trunk.html", {"step": 3, "groups": trunk_form.blank(), "real": real})
    if "later" not in request.POST:
        try:
            trunks.add(request)
        except Refused as refusal:
            shown = {"step": 3, "groups": trunk_form.typed(request.POST, refusal.errors), "real": real}
            return render(request, "web/setup_trunk.html", shown, status=422)
    setup.go_on(Step.CALL)
    return redirect("setup-call")


@administrators
@require_http_methods(["GET", "HEAD", "POST"])
def call(request: HttpRequest, batch_id: int = 0, call_id: int = 0) -> HttpResponseBase:
    """A call to one's own number, and what becomes of it."""
    if setup.step() is None:
        return redirect("trunks")
    carrier = trial_calls.carrier()
    number = trial_calls.SANDBOX_NUMBER if carrier and carrier.sandbox else ""
    shown: dict[str, object] = {"step": 4, "trunk": carrier, "number": number}
    if request.method == "POST" and carrier is not None:
        try:
            placed = trunks.call_over(request, carrier)
        except CalldronError as error:
            shown |= {"number": request.POST.get("number", ""), "error": str(error)}
            return render(request, "web/setup_call.html", shown, status=422)
        return redirect("setup-called", placed.batch_id, placed.pk)
    if call_id:
        told = trial_calls.look(member(request).account, batch_id, call_id)
        shown |= {"told": told, "number": told.call.number}
    return render(request, "web/setup_call.html", shown)


@administrators
@require_POST
def finish(request: HttpRequest) -> HttpResponse:
    """It is over; the batches are next."""
    setup.finish()
    messages.success(request, _("All is set up. Next: make a batch, give it a sound and numbers, and start it."))
    return redirect("batches")


urlpatterns = [
    path("", home, name="home"),
    path("setup", begin, name="setup"),
    path("setup/owner", owner, name="setup-owner"),
    path("setup/trunk", trunk, name="setup-trunk"),
    path("setup/call", call, name="setup-call"),
    path("setup/call/<int:batch_id>/<int:call_id>/", call, name="setup-called"),
    path("setup/end", finish, name="setup-end"),
]
