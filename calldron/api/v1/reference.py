"""The reference for people and programs: OpenAPI, the page that shows it, and a page for each type of problem.

They are open to everybody and load nothing from elsewhere: the page's policy allows this server only.
"""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from calldron.api.v1.answers import answer
from calldron.api.v1.openapi import document
from calldron.api.v1.problems import TYPES

# ReDoc writes its styles into the page as it runs, and doesn't start without; its script is this server's all the same.
_POLICY = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self';"
    " style-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def openapi(_request: HttpRequest) -> HttpResponse:
    """The OpenAPI document."""
    response = answer(document())
    response["Cache-Control"] = "public, max-age=60"
    return response


def docs(request: HttpRequest) -> HttpResponse:
    """The page that shows it."""
    return _page(request, "api/docs.html", {})


def problem(request: HttpRequest, slug: str) -> HttpResponse:
    """What a type of problem means."""
    if slug not in TYPES:
        raise Http404
    return _page(request, "api/problem.html", {"kind": TYPES[slug]})


def _page(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    response = render(request, template, context)
    response["Content-Security-Policy"] = _POLICY
    return response
