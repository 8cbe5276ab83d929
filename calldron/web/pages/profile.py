"""One's own name and language, the account's settings, its key, one's sessions."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
