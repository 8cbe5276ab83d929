"""Numbers that are never called."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
