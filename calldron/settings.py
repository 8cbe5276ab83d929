"""Django's settings, derived from ``calldron.config``. The dialer's own packages never read these."""

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from calldron import smtp
from calldron.config import config
from calldron.store.databases import settings_of

_config = config()
BASE_DIR = Path(__file__).resolve().parent


def _secret_key() -> str:
    """The installation's key: as it was set, or made at the first start and readable by its owner only."""
    if given := _config.secret_key.get_secret_value():
        return given
    path = _config.home / "secret_key"
    if not path.exists():
        _config.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process was first
            return path.read_text().strip()
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()


SECRET_KEY = _secret_key()
DEBUG = False
ALLOWED_HOSTS = _config.allowed_hosts
ROOT_URLCONF = "calldron.urls"
APPEND_SLASH = False

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "calldron.store",
    "calldron.api",
    "calldron.web",
]
AUTH_USER_MODEL = "store.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "calldron.web.security.SecurityHeaders",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "calldron.web.compression.CompressedPages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "calldron.api.gate.Gate",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "calldron.web.locality.Locality",
    "calldron.web.sessions.SeenSessions",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {"default": settings_of(_config.database_url, _config.home)}

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGE_COOKIE_NAME = "language"
LANGUAGES = [("en", "English"), ("ru", "Русский")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "calldron.formats"

STATIC_URL = "static/"
WHITENOISE_USE_FINDERS = True  # straight from the packages: nothing to collect
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 365 * 86_400  # their addresses change with them
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "calldron.web.static_files.VersionedFiles"},
}
DATA_UPLOAD_MAX_MEMORY_SIZE = _config.max_body_mb * 2**20
FILE_UPLOAD_HANDLERS = [
    "calldron.web.uploads.Bounded",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "batches"

_https = _config.public_url.startswith("https://")
SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = _https
CSRF_COOKIE_SECURE = _https
CSRF_TRUSTED_ORIGINS = ["{0.scheme}://{0.netloc}".format(urlsplit(_config.public_url))]  # a proxy may hide our name
CSRF_FAILURE_VIEW = "calldron.web.problems.too_old"
SECURE_HSTS_SECONDS = 30 * 24 * 3600 if _https else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
PASSWORD_RESET_TIMEOUT = 24 * 3600

globals().update(smtp.settings_of(_config.smtp_url.get_secret_value()))
DEFAULT_FROM_EMAIL = _config.mail_from
LOGGING_CONFIG = None  # calldron.logs configures logging for every process alike
