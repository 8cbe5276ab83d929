"""Trunks: limits, health, a test call."""

from datetime import UTC, datetime

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from calldron.config import config
from calldron.domain.errors import CalldronError
from calldron.services import audit, setup, trial_calls, trunk_health, trunks
from calldron.services.audit import Action
from calldron.services.errors import Refused
from calldron.store.models import Call, TrunkRow
from calldron.web import trunk_form
from calldron.web.access import actor, administrators, member, unattended


@administrators
@require_safe
def listed(request: HttpRequest) -> HttpResponse:
    """Every trunk and how it does; the sandbox while there is none."""
    real = [trunk for trunk in trunks.listed() if not trunk.sandbox]
    shown = {
        "trunks": trunk_health.look(real, datetime.now(UTC)),
        "sandbox": trial_calls.carrier(),
        "sandbox_port": config().sandbox_port,
        "setup": setup.step(),
    }
    return render(request, "web/trunks.html", shown)


@administrators
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def new(request: HttpRequest) -> HttpResponseBase:
    """A form, and a trunk."""
    if request.method != "POST":
        return render(request, "web/trunk.html", {"groups": trunk_form.blank()})
    try:
        trunk = add(request)
    except Refused as refusal:
        return render(request, "web/trunk.html", {"groups": trunk_form.typed(request.POST, refusal.errors)}, status=422)
    messages.success(
        request, _("The trunk %(name)s is there. Test it before calls depend on it.") % {"name": trunk.name}
    )
    return redirect("trunk-test", trunk.pk)


def add(request: HttpRequest) -> TrunkRow:
    """Make a trunk of what was sent, and note it. Raises ``Refused``."""
    with transaction.atomic():
        trunk = trunk_form.save(request)
        audit.note(actor(request), Action.TRUNK_ADDED, trunk.name, {"host": trunk.host, "port": trunk.port})
    return trunk


@administrators
@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters("password")
def change(request: HttpRequest, trunk_id: int) -> HttpResponseBase:
    """The same of one that is there."""
    trunk = trunks.get(trunk_id)
    if request.method != "POST":
        return render(request, "web/trunk.html", {"groups": trunk_form.of(trunk), "trunk": trunk})
    try:
        with transaction.atomic():
            changed = trunk_form.save(request, trunk)
            fields = [name for name in vars(trunk) if name[0] != "_" and getattr(trunk, name) != getattr(changed, name)]
            audit.note(actor(request), Action.TRUNK_CHANGED, changed.name, {"fields": fields})
    except Refused as refusal:
        groups = trunk_form.typed(request.POST, refusal.errors, trunk)
        return render(request, "web/trunk.html", {"groups": groups, "trunk": trunk}, status=422)
    messages.success(request, _("The trunk %(name)s is changed; the next call goes by it.") % {"name": changed.name})
    return redirect("trunks")


@administrators
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: HttpRequest, trunk_id: int) -> HttpResponseBase:
    """Ask, say what becomes of calls, and forget it."""
    trunk = trunks.get(trunk_id)
    if request.method != "POST":
        others = [other for other in trunks.listed() if not other.sandbox and other.pk != trunk.pk]
        (health,) = trunk_health.look([trunk], datetime.now(UTC))
        return render(request, "web/trunk_remove.html", {"trunk": trunk, "others": others, "up": health.up})
    with transaction.atomic():
        trunks.remove(trunk.name)
        audit.note(actor(request), Action.TRUNK_REMOVED, trunk.name)
    messages.success(request, _("The trunk %(name)s is removed.") % {"name": trunk.name})
    return redirect("trunks")


@administrators
@require_http_methods(["GET", "HEAD", "POST"])
def test(request: HttpRequest, trunk_id: int) -> HttpResponseBase:
    """Ask for a number, and call it over this trunk."""
    trunk = _to_test(trunk_id)
    shown = {"trunk": trunk, "number": trial_calls.SANDBOX_NUMBER if trunk.sandbox else ""}
    if request.method != "POST":
        return render(request, "web/trunk_test.html", shown)
    try:
        call = call_over(request, trunk)
    except CalldronError as error:
        shown |= {"number": request.POST.get("number", ""), "error": str(error)}
        return render(request, "web/trunk_test.html", shown, status=422)
    return redirect("trunk-tested", trunk.pk, call.batch_id, call.pk)


def call_over(request: HttpRequest, trunk: TrunkRow) -> Call:
    """Place the test call that was asked for, and note it. Raises ``CalldronError``."""
    with transaction.atomic():
        call = trial_calls.place(member(request).account, trunk, request.POST.get("number", ""))
        audit.note(actor(request), Action.TRUNK_TESTED, trunk.name, {"number": call.number})
    return call


@administrators
@require_safe
def tested(request: HttpRequest, trunk_id: int, batch_id: int, call_id: int) -> HttpResponse:
    """What becomes of a test call, as it happens."""
    told = trial_calls.look(member(request).account, batch_id, call_id)
    shown = {"trunk": _to_test(trunk_id), "told": told, "number": told.call.number}
    return render(request, "web/trunk_test.html", shown)


@unattended
@administrators
@require_safe
def told_now(request: HttpRequest, batch_id: int, call_id: int) -> HttpResponse:
    """The part of the page that changes: asked for once a second until the call is over, and sent where it did, so that
    a screen reader says each thing once."""
    told = trial_calls.look(member(request).account, batch_id, call_id)
    if request.GET.get("seen") == told.mark:
        return HttpResponse(status=204)
    return render(request, "web/trial_call.html", {"told": told})


def _to_test(trunk_id: int) -> TrunkRow:
    """A real trunk, or the sandbox's while calls go there. Raises ``NotFound``."""
    carrier = trial_calls.carrier()
    return carrier if carrier is not None and carrier.pk == trunk_id else trunks.get(trunk_id)


urlpatterns = [
    path("trunks/", listed, name="trunks"),
    path("trunks/new", new, name="trunk-new"),
    path("trunks/<int:trunk_id>/", change, name="trunk-edit"),
    path("trunks/<int:trunk_id>/remove", remove, name="trunk-remove"),
    path("trunks/<int:trunk_id>/test", test, name="trunk-test"),
    path("trunks/<int:trunk_id>/test/<int:batch_id>/<int:call_id>/", tested, name="trunk-tested"),
    path("test-calls/<int:batch_id>/<int:call_id>/", told_now, name="trial-call"),
]
