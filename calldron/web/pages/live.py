"""A batch as it runs."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
