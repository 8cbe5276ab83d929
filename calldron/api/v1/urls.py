"""What answers under /v1/."""

from django.urls import path

from calldron.api.v1 import reference
from calldron.api.v1.api import api

urlpatterns = [
    path("openapi.json", reference.openapi, name="openapi"),
    path("docs", reference.docs, name="docs"),
    path("problems/<slug:slug>", reference.problem, name="problem"),
    path("", api.urls),
]
