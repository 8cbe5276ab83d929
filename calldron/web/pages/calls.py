"""The calls of a batch, and one of them."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
