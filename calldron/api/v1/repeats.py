"""Idempotency-Key: a POST that is sent again, because its answer was lost, gives the first answer and does nothing.

The key is noted before the work begins; the work and its answer are committed together. So a process that dies in
between has done nothing, and the key can be taken over by the next try; one that was merely slow finds its key taken
over and rolls back. The work is never done twice.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec

from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.translation import gettext as _

from calldron.api.v1.body import raw_body
from calldron.api.v1.problems import IN_PROGRESS, KEY_REUSED, ProblemRaised, answer_to, refuse
from calldron.api.v1.requests import ApiRequest
from calldron.domain.errors import CalldronError
from calldron.services.errors import FieldError
from calldron.store.models import IdempotentAnswer

KEPT = timedelta(hours=24)
# Who died leaves its key taken. One that only was so slow finds the key taken over and undoes its work.
TAKEN_FOR_DEAD = timedelta(seconds=30)
_KEY = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?")
_KEPT_HEADERS = ("Content-Type", "Content-Language", "Cache-Control", "Location", "Warning", "Retry-After")

Rest = ParamSpec("Rest")


@dataclass(frozen=True, slots=True)
class Turn:
    """The right to answer under a key. ``since`` tells this try from one that took the key over."""

    row: int
    since: datetime

    def keep(self, answer: HttpResponse) -> None:
        """Note the answer, in the transaction of the work it tells of. Raises ``ProblemRaised`` where the key was taken
        over, which rolls the work back."""
        kept = self._mine().update(
            status=answer.status_code,
            headers={name: answer[name] for name in _KEPT_HEADERS if name in answer},
            body=answer.content,
        )
        if not kept:
            raise _in_progress()

    def drop(self) -> None:
        """Let the key go: nothing was done under it."""
        self._mine().delete()

    def _mine(self) -> QuerySet[IdempotentAnswer]:
        return IdempotentAnswer.objects.filter(pk=self.row, created_at=self.since, status=None)


def repeatable(
    view: Callable[Concatenate[ApiRequest, Rest], HttpResponse],
) -> Callable[Concatenate[ApiRequest, Rest], HttpResponse]:
    """Make a POST heed Idempotency-Key. The view does its work through ``committed``."""

    @wraps(view)
    def answer(request: ApiRequest, /, *args: Rest.args, **kwargs: Rest.kwargs) -> HttpResponse:
        key = request.headers.get("Idempotency-Key")
        if key is None:
            return view(request, *args, **kwargs)
        taken = _take(request, key)
        if isinstance(taken, HttpResponse):
            return taken
        request.turn = taken
        try:
            return view(request, *args, **kwargs)
        except CalldronError as error:
            refusal = answer_to(error)
            taken.keep(refusal)
            return refusal
        except BaseException:
            taken.drop()
            raise

    return answer


def committed(request: ApiRequest, work: Callable[[], HttpResponse]) -> HttpResponse:
    """Do the work of a POST and keep its answer for repeats, in one transaction."""
    with transaction.atomic():
        answer = work()
        if request.turn is not None:
            request.turn.keep(answer)
        return answer


def _take(request: ApiRequest, key: str) -> Turn | HttpResponse:
    if not _KEY.fullmatch(key):
        refuse([FieldError("Idempotency-Key", _("A key is 1 to 255 printable ASCII characters."))])
    digest = _digest(request)
    now = datetime.now(UTC)
    with transaction.atomic():
        IdempotentAnswer.objects.filter(account=request.account, created_at__lt=now - KEPT).delete()
        row, made = IdempotentAnswer.objects.get_or_create(
            account=request.account, key=key, defaults={"request": digest, "created_at": now}
        )
        if made:
            return Turn(row.pk, now)
        if row.request != digest:
            raise ProblemRaised(KEY_REUSED, _("This Idempotency-Key was sent with another request before."))
        if row.status is not None:
            return _again(row, row.status)
        if row.created_at > now - TAKEN_FOR_DEAD:
            raise _in_progress()
        row.created_at = now
        row.save(update_fields=["created_at"])
        return Turn(row.pk, now)


def _again(row: IdempotentAnswer, status: int) -> HttpResponse:
    answer = HttpResponse(bytes(row.body), status=status, headers=row.headers)
    answer["Idempotent-Replayed"] = "true"
    return answer


def _in_progress() -> ProblemRaised:
    detail = _("A request with this Idempotency-Key is being worked on. Ask again in a moment.")
    return ProblemRaised(IN_PROGRESS, detail, Retry_After="1")


def _digest(request: ApiRequest) -> str:
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    digest.update(raw_body(request))
    return digest.hexdigest()
