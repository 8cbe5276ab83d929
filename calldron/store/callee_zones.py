"""The time zone that a number tells."""


def callee_zone(number: str, fallback: str) -> str:
    """The zone of a number, the fallback where it tells none."""
    return fallback
