"""The list of batches, and what is done to one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from calldron.domain.access import Access
from calldron.services import batches
from calldron.web.access import allowed, member

PAGE = 50


@allowed(Access.VIEWER)
def listed(request: HttpRequest) -> HttpResponse:
    """The account's batches."""
    found, total = batches.page(member(request).account, limit=PAGE, offset=0)
    return render(request, "web/batches.html", {"batches": found, "total": total})


urlpatterns = [path("batches/", listed, name="batches")]
