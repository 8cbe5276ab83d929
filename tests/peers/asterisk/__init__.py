"""Asterisk 22 (`scripts/asterisk` installs it) with the configuration of conf/: a carrier, or a dialler with ARI."""

from peers.asterisk.server import Asterisk, carrier, dialer

__all__ = ["Asterisk", "carrier", "dialer"]
