"""A page asked for as everybody."""

from collections.abc import Mapping

from django.test import Client

from support.people import Person

# Of a page that is its owners': each sees what is of the own account.
OWNERS_ONLY = {
    **dict.fromkeys(("owner", "administrator", "outsider"), 200),
    **dict.fromkeys(("operator", "viewer"), 403),
    "anonymous": 302,
}


def statuses(path: str, posted: Mapping[str, object] | None = None, **browsers: Client | Person) -> dict[str, int]:
    """What each is answered; ``posted``: the form they send, otherwise they only look."""
    answers = {}
    for name, one in browsers.items():
        browser = one.browser if isinstance(one, Person) else one
        answers[name] = (browser.get(path) if posted is None else browser.post(path, posted)).status_code
    return answers
