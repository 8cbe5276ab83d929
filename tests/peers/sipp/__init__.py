"""SIPp, and the scenarios beside this file: peers that do what Asterisk cannot be made to do."""

from peers.sipp.runner import Sipp, SippResult, call, callee

__all__ = ["Sipp", "SippResult", "call", "callee"]
