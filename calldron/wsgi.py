"""The web application, for granian or any other WSGI server."""

import ctypes
import os
import signal

from django.core.wsgi import get_wsgi_application
from granian.utils.proxies import wrap_wsgi_with_proxy_headers

from calldron.config import config

_PR_SET_PDEATHSIG = 1  # prctl(2), Linux

# A worker whose supervisor was killed would hold the port and go on answering beside the one that comes next.
ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "calldron.settings")
application = wrap_wsgi_with_proxy_headers(get_wsgi_application(), config().trusted_proxies)
