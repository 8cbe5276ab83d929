"""How dates are written, by language; Django reads these instead of its own, which are American in English."""
