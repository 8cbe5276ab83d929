from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "calldron.api"
    label = "api"
