"""Numeric addresses, each read once: a trunk's few are looked at in every call."""

import ipaddress
from functools import lru_cache

ip_address = lru_cache(maxsize=1024)(ipaddress.ip_address)
"""As ``ipaddress.ip_address``. Raises ``ValueError`` for what is no numeric address."""
