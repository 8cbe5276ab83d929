"""Links to our pages, whole, for mail and for the terminal."""

from django.urls import reverse

from calldron.config import config


def to(name: str, *arguments: str) -> str:
    """The page of this name."""
    return config().public_url.rstrip("/") + reverse(name, args=arguments)
