"""Scripts and styles under addresses that change with their content, so that browsers may keep them for good."""

import hashlib
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage


class VersionedFiles(StaticFilesStorage):
    """``{% static %}`` with a part of the file's SHA-256. Nothing is collected or built."""

    def url(self, name: str | None) -> str:
        """The address of a file of the packages."""
        plain = super().url(name)
        version = _version(name) if name else ""
        return f"{plain}?v={version}" if version else plain


@lru_cache
def _version(name: str) -> str:
    found = finders.find(name)
    return hashlib.sha256(Path(found).read_bytes()).hexdigest()[:12] if found else ""
