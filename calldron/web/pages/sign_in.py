"""Signing in and out, and the language of who has not."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from calldron.web.access import everybody


@everybody
def sign_in(request: HttpRequest) -> HttpResponse:
    """The form."""
    return render(request, "web/sign_in.html")


urlpatterns = [path("sign-in", sign_in, name="sign-in")]
