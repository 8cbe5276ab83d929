"""The parts that place calls know nothing of Django: each imports in a fresh interpreter without it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
names = [found.name for found in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names), *sorted(name for name in sys.modules if name.partition(".")[0] in ("django", "ninja")))
"""


@pytest.mark.parametrize("package", ["domain", "dialer", "media", "engines"])
def test_imports_without_django(package: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, f"calldron.{package}"],
        cwd=ROOT,
        env={},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    modules, *django = ran.stdout.split()
    assert int(modules) > 1, "nothing was imported"
    assert django == []
