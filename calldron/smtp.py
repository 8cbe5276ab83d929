"""Where mail goes out, by a URL, as Django is told of it."""

from typing import Any
from urllib.parse import unquote, urlsplit

_FORM = "smtp://USER:PASSWORD@HOST:587 or smtps://USER:PASSWORD@HOST:465"
_PORTS = {"smtp": 587, "smtps": 465}
_SECONDS = 10  # a person waits meanwhile


def settings_of(url: str) -> dict[str, Any]:
    """Django's ``EMAIL_…``. ``smtps`` is TLS from the start; with ``smtp`` and a user the connection is upgraded
    (STARTTLS), so that the password is never sent in the clear. Raises ``ValueError``, without it."""
    if not url:
        return {"EMAIL_BACKEND": "calldron.services.mail.InTheLog"}
    parts = urlsplit(url)
    try:
        port = parts.port or _PORTS[parts.scheme]
    except (KeyError, ValueError):
        raise ValueError(f"this is empty or {_FORM}") from None
    if not parts.hostname:
        raise ValueError(f"this is empty or {_FORM}")
    user = unquote(parts.username or "")
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": port,
        "EMAIL_HOST_USER": user,
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp" and bool(user),
        "EMAIL_TIMEOUT": _SECONDS,
    }
