"""Trunks: limits, health, a test call."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
