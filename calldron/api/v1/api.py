"""The API of version 1, put together."""

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.security import HttpBasicAuth

from calldron.api.v1 import account, batches, calls, problems, reports, stop_list
from calldron.api.v1.answers import absolute, answer
from calldron.api.v1.requests import ApiRequest
from calldron.domain.errors import CalldronError
from calldron.store.models import Account


class ApiKey(HttpBasicAuth):
    """The API key as the user name, with an empty password. The gate has looked at it already; this tells the
    reference so."""

    def __call__(self, request: HttpRequest) -> Account | None:
        return getattr(request, "account", None)

    def authenticate(self, request: HttpRequest, username: str, password: str) -> Account | None:
        raise NotImplementedError  # ``__call__`` doesn't come here


api = NinjaAPI(
    title="Calldron API",
    version="1",
    description="Batches of calls, instant calls and callbacks.",
    auth=ApiKey(),
    docs_url=None,
    openapi_url=None,  # calldron.api.v1.reference serves it, completed
    urls_namespace="api-v1",
)
api.add_router("", batches.router)
api.add_router("", calls.router)
api.add_router("", account.router)
api.add_router("", stop_list.router)
api.add_router("", reports.router)


@api.get("/", operation_id="root", summary="Who am I", tags=["Root"])
def root(request: ApiRequest) -> HttpResponse:
    """The version, the account and where to go on."""
    return answer(
        {
            "version": "v1",
            "account": {"id": str(request.account.pk), "name": request.account.name},
            "links": {
                "batches": absolute("/v1/batches"),
                "account": absolute("/v1/account"),
                "stop_list": absolute("/v1/stop-list"),
                "reference": absolute("/v1/docs"),
            },
        }
    )


@api.exception_handler(CalldronError)
def on_error(_request: HttpRequest, error: CalldronError) -> HttpResponse:
    """What a service or the protocol refused."""
    return problems.answer_to(error)


@api.exception_handler(OperationalError)
@api.exception_handler(InterfaceError)
def on_silence(_request: HttpRequest, error: OperationalError | InterfaceError) -> HttpResponse:
    """The database went away."""
    return problems.unavailable(error)
