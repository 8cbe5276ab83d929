"""What a person may do in an account."""

from enum import StrEnum


class Access(StrEnum):
    """Each may do what those before it may."""

    VIEWER = "viewer"  # sees calls, recordings and figures
    OPERATOR = "operator"  # makes and runs batches, keeps the stop list
    OWNER = "owner"  # has the API key, the people and the account's settings

    def covers(self, needed: "Access") -> bool:
        """Whether who has this may do what ``needed`` asks for."""
        ranks = list(Access)
        return ranks.index(self) >= ranks.index(needed)
