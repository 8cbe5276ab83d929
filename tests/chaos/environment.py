"""The environment of what a round starts: this source, and no setting of the installation we may be part of."""

import os
from pathlib import Path

import calldron

_ROOT = Path(calldron.__file__).parents[1]


def environment() -> dict[str, str]:
    """To be completed by the settings of a program."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("CALLDRON_", "DATABASE_"))}
    return {**own, "PYTHONPATH": f"{_ROOT}:{_ROOT / 'tests'}"}
