"""Making and changing a batch."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
