from django.apps import AppConfig


class StoreConfig(AppConfig):
    name = "calldron.store"
    label = "store"
