"""Run in the environment of an installation: makes the tables, a user and a trunk, prints the API key.

Three ``calldron`` commands would do the same, three times as slowly.
"""

import sys

from calldron import bootstrap


def main() -> None:
    """The trunk leads nowhere yet: each round has a carrier of its own."""
    bootstrap.prepare("chaos")
    bootstrap.migrate()
    from calldron.services import accounts, trunks

    trunks.add("carrier", "sip:127.0.0.1:9")
    _user, key = accounts.create_user("owner@example.org")
    sys.stdout.write(key)


if __name__ == "__main__":
    main()
