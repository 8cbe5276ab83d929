"""The cabinet as Django knows it."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Templates and static files; the tables are the store's."""

    name = "calldron.web"
    label = "web"
