"""A spreadsheet into a batch."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
