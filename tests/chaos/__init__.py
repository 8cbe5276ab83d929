"""Tries to break the four promises: whole installations that dial a carrier while everything around them fails.

A round is drawn from its seed (``plan``), run on real processes (``site``, ``faults``, ``owner``) and judged from what
the carrier wrote down and what the API says (``ledger``, ``judge``). ``python -m chaos`` runs many.
"""
