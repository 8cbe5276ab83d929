"""A forgotten password, and a new one."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from calldron.domain.errors import InvalidInput
from calldron.services import passwords
from calldron.services.errors import NotFound
from calldron.services.guesses import LockedOut
from calldron.web.access import address, everybody
from calldron.web.pages.sign_in import locked_out


@everybody
@require_http_methods(["GET", "HEAD", "POST"])
def forgotten(request: HttpRequest) -> HttpResponse:
    """Ask for a letter. What is answered is the same whoever it is."""
    if request.method != "POST":
        return render(request, "web/password_forgotten.html", {"email": ""})
    email = request.POST.get("email", "")
    try:
        passwords.send_link(email, address(request))
    except LockedOut as lock:
        return locked_out(request, "web/password_forgotten.html", {"email": email}, lock)
    return render(request, "web/password_sent.html", {"email": email})


@everybody
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest, uid: str, token: str) -> HttpResponseBase:
    """Choose one, by the link of the letter."""
    try:
        user = passwords.whose(uid, token)
    except NotFound as error:
        return render(request, "web/password_link_dead.html", {"error": str(error)}, status=404)
    shown: dict[str, object] = {"email": user.email}
    if request.method == "POST":
        try:
            passwords.set_by_link(user, request.POST.get("password", ""), address(request))
        except InvalidInput as error:
            return render(request, "web/password_new.html", {**shown, "error": str(error)}, status=422)
        messages.success(request, _("The new password is set. Sign in with it."))
        return redirect("sign-in")
    return render(request, "web/password_new.html", shown)


urlpatterns = [
    path("password/reset", forgotten, name="password-reset"),
    path("password/new/<str:uid>/<str:token>", new, name="new-password"),
]
