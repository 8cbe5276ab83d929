"""The library of sounds: upload, record, hear, see."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
