"""The first run: owner, trunk or sandbox, a test call."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
