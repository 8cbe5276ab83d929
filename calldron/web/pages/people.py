"""Who is in the account, and who is invited."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from calldron.domain.access import Access
from calldron.domain.errors import InvalidInput
from calldron.services import invitations, people
from calldron.services.errors import Conflict
from calldron.web.access import actor, allowed, member

# From the most to the least.
ACCESSES = (
    (Access.OWNER, gettext_lazy("owner"), gettext_lazy("everything: people, the API key and the account, too")),
    (Access.OPERATOR, gettext_lazy("operator"), gettext_lazy("makes and runs batches, keeps the stop list")),
    (Access.VIEWER, gettext_lazy("viewer"), gettext_lazy("sees calls, recordings and figures")),
)


@require_safe
@allowed(Access.OWNER)
def listed(request: HttpRequest) -> HttpResponseBase:
    """Everybody, and the invitations that wait."""
    return _page(request)


@require_POST
@allowed(Access.OWNER)
def invite(request: HttpRequest) -> HttpResponseBase:
    """Mail an invitation. Its link is shown here and never again, so this answer is no redirect."""
    email, access = request.POST.get("email", ""), _access(request)
    try:
        invitation, link = invitations.invite(actor(request), email, access)
    except InvalidInput as error:
        return _page(request, status=422, email=email, chosen=access, mistake=str(error))
    sent = invitations.send(invitation, link)
    return render(request, "web/invited.html", {"invitation": invitation, "link": link, "sent": sent})


@require_POST
@allowed(Access.OWNER)
def take_back(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Make an invitation's link stop working."""
    invitations.take_back(actor(request), pk)
    messages.success(request, _("The invitation is taken back; its link does not work any more."))
    return redirect("people")


@require_POST
@allowed(Access.OWNER)
def change(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Let somebody do more or less."""
    try:
        person = people.change_access(actor(request), pk, _access(request))
        messages.success(request, _("%(email)s has the new access.") % {"email": person.email})
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("people")


@require_POST
@allowed(Access.OWNER)
def remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Take somebody out of the account."""
    try:
        person = people.remove(actor(request), pk)
        messages.success(request, _("%(email)s is removed, and out wherever they were in.") % {"email": person.email})
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("people")


@require_POST
@allowed(Access.OWNER)
def turn_codes_off(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Let somebody in by password alone who lost their authenticator."""
    try:
        person = people.turn_codes_off(actor(request), pk)
        messages.success(request, _("%(email)s signs in without codes now.") % {"email": person.email})
    except Conflict as error:
        messages.error(request, str(error))
    return redirect("people")


def _page(request: HttpRequest, status: int = 200, **shown: object) -> HttpResponseBase:
    me = member(request)
    everybody = [(person, people.may_change(me, person)) for person in people.of(me.account)]
    waiting = invitations.pending(me.account)
    things = {"everybody": everybody, "waiting": waiting, "accesses": ACCESSES, "chosen": Access.OPERATOR, **shown}
    return render(request, "web/people.html", things, status=status)


def _access(request: HttpRequest) -> Access:
    """The one that is chosen; the least where a form was made up by hand."""
    try:
        return Access(request.POST.get("access", ""))
    except ValueError:
        return Access.VIEWER


urlpatterns = [
    path("people/", listed, name="people"),
    path("people/invite", invite, name="people-invite"),
    path("people/invitations/<int:pk>/take-back", take_back, name="invitation-take-back"),
    path("people/<int:pk>/access", change, name="person-access"),
    path("people/<int:pk>/remove", remove, name="person-remove"),
    path("people/<int:pk>/codes-off", turn_codes_off, name="person-codes-off"),
]
