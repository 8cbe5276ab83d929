"""Joining by invitation."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods

from calldron.domain.errors import InvalidInput
from calldron.services import invitations, people
from calldron.services.errors import FieldError, NotFound
from calldron.web.access import address, everybody
from calldron.web.pages.sign_in import let_in


@everybody
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponseBase:
    """Choose a name and a password; who did is in."""
    try:
        invitation = invitations.of_token(token)
    except NotFound as error:
        return render(request, "web/join_dead.html", {"error": str(error)}, status=404)
    shown: dict[str, object] = {"invitation": invitation}
    if request.method != "POST":
        return render(request, "web/join.html", shown)
    errors: list[FieldError] = []
    about = {"name": request.POST.get("name", ""), "language": get_language() or "en"}
    columns = people.about_oneself(about, errors)
    try:
        if not errors:
            password, name, language = request.POST.get("password", ""), str(columns["name"]), str(columns["language"])
            user = invitations.accept(token, name, password, language, address(request))
            let_in(request, user)
            return redirect("batches")
    except InvalidInput as error:
        errors.append(FieldError(error.field, str(error)))
    mistakes = {error.field: error.message for error in errors}
    return render(request, "web/join.html", {**shown, **about, "mistakes": mistakes}, status=422)


urlpatterns = [path("join/<str:token>", join, name="join")]
