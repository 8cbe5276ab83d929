"""Run in the environment of an installation whose tables are there: adds a user and the trunk, prints the API key.

Two ``calldron`` commands would do the same, and look at the migrations each.
"""

import sys

from calldron import bootstrap


def main(trunk: str, cps: str, channels: str) -> None:
    """``trunk``: its URI."""
    bootstrap.prepare("chaos")
    from calldron.services import accounts, trunks

    trunks.add("carrier", trunk, cps=float(cps), channels=int(channels))
    _user, key = accounts.create_user("owner@example.org")
    sys.stdout.write(key)


if __name__ == "__main__":
    main(*sys.argv[1:])
