"""Who is in the account, and who is invited."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
