"""What answers where."""

from django.urls import URLPattern, URLResolver, include, path

handler404 = "calldron.web.problems.not_found"
handler500 = "calldron.web.problems.broken"

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/", include("calldron.api.v1.urls")),
    path("", include("calldron.web.urls")),
]
