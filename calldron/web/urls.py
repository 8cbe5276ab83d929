"""The cabinet's pages, by subject."""

from django.urls import include, path

SUBJECTS = (
    "sign_in",
    "sign_up",
    "passwords",
    "profile",
    "codes",
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

urlpatterns = [path("", include(f"calldron.web.pages.{subject}")) for subject in SUBJECTS]
