"""A client of the API without a server: Django's own test client with a key."""

import base64
import json
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.test import Client
from sounds import encoded, sine

from calldron.store.models import Account, Batch, Call


@dataclass
class Api:
    """Requests with one account's key. ``body`` is sent as JSON, or as it is where it is bytes."""

    key: str | None
    account: Account | None = None

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> HttpResponse:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            sent.setdefault("Authorization", basic(self.key))
        client = Client(raise_request_exception=False)
        kind = sent.pop("Content-Type", "application/json" if content else "")
        response = client.generic(method, f"/v1{path}", content, kind, headers=sent, CONTENT_TYPE=kind)
        assert isinstance(response, HttpResponse) or response.streaming
        return response  # type: ignore[return-value]  # Django's stubs call it a monkey-patched one

    def get(self, path: str, **headers: str) -> HttpResponse:
        return self("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> HttpResponse:
        return self("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> HttpResponse:
        return self("DELETE", path, **headers)

    def batch(self, **fields: Any) -> str:
        """A new batch that waits to be started; its path."""
        made = self.post("/batches", {"autostart": False, **fields})
        assert made.status_code == 201, made.content
        return f"/batches/{json.loads(made.content)['id']}"

    def call(self, batch: str, number: str = "+79997778855") -> str:
        """A new call; its path."""
        made = self.post(f"{batch}/calls", {"phone_number": number})
        assert made.status_code == 201, made.content
        return f"{batch}/calls/{json.loads(made.content)['id']}"


def basic(user: str, password: str = "") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def said(response: HttpResponse) -> Any:
    """The answer's JSON."""
    return json.loads(response.content)


def fields(response: HttpResponse) -> list[str]:
    """The fields that an answer of 422 complains of."""
    assert response.status_code == 422, response.content
    return [error["field"] for error in said(response)["errors"]]


def batch_row(path: str) -> Batch:
    return Batch.objects.get(pk=int(path.split("/")[2]))


def call_row(path: str) -> Call:
    return Call.objects.get(pk=int(path.split("/")[4]))


def intro(seconds: float = 0.3, hertz: float = 440) -> str:
    """A wav in Base64."""
    return base64.b64encode(encoded(sine(hertz, seconds, 8000), 8000)).decode()
