"""baresip, a softphone, as a callee that answers, plays a file and keeps what it hears."""

from peers.baresip.phone import Baresip, phone

__all__ = ["Baresip", "phone"]
