"""The API's reference in the reader's language, with samples for their own host and batches."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
