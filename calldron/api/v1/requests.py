"""A request that passed the gate."""

from typing import Protocol

from django.http import HttpRequest, HttpResponse

from calldron.services.audit import Actor
from calldron.store.models import Account


class Turn(Protocol):
    """The right to answer a POST under its Idempotency-Key."""

    def keep(self, answer: HttpResponse) -> None:
        """Note the answer for repeats, in the transaction of the work it tells of."""


class ApiRequest(HttpRequest):
    """``account`` is whose key it carries; ``turn`` is set where it carries an Idempotency-Key."""

    account: Account
    turn: Turn | None


def actor(request: ApiRequest) -> Actor:
    """The program that asks, as the journal names it."""
    return Actor(request.account, None, str(request.META.get("REMOTE_ADDR", ""))[:45])


def admit(request: HttpRequest, account: Account) -> None:
    """Make a request one of this account."""
    vars(request).update(account=account, turn=None)
