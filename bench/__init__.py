"""What Calldron costs and carries, beside Asterisk. ``python -m bench`` runs all; see README.md here."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The programs we measure against are started by the tests' own peers, which are no installed package.
sys.path.insert(0, str(ROOT / "tests"))
