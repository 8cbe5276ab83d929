"""The cabinet's pages, by subject."""

from django.urls import include, path
from django.views.generic import RedirectView

from calldron.web.access import everybody

SUBJECTS = (
    "sign_in",
    "sign_up",
    "passwords",
    "profile",
    "people",
    "journal",
    "setup",
    "batches",
    "batch_form",
    "sounds",
    "list_import",
    "live",
    "calls",
    "exports",
    "stop_list",
    "trunks",
    "reference",
)

urlpatterns = [
    path("", everybody(RedirectView.as_view(pattern_name="batches")), name="home"),
    *(path("", include(f"calldron.web.pages.{subject}")) for subject in SUBJECTS),
]
