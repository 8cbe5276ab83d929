"""A forgotten password, and a new one."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
