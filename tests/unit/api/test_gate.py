"""Who gets in, how often, and what every refusal looks like."""

import base64

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client
from support.api_client import Api, basic, said

from calldron.api.v1.problems import TYPES
from calldron.api.v1.rate import RateLimit
from calldron.config import config
from calldron.services import accounts
from calldron.store.models import ApiKey

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        basic(""),
        basic("no-such-key"),
        basic("x" * 5000),
        basic("ключ"),
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"no-colon").decode(),
        "Basic " + base64.b64encode(b"\xff:").decode(),
        "Bearer abc",
    ],
)
@pytest.mark.parametrize("path", ["/", "/batches", "/batches/1/calls/1/record.mp3", "/no-such-path"])
def test_without_a_valid_key_there_is_a_challenge(anonymous: Api, authorization: str | None, path: str) -> None:
    response = anonymous.get(path, **({"Authorization": authorization} if authorization else {}))

    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Basic realm="Calldron"'
    assert response["Content-Type"] == "application/problem+json"
    assert said(response)["type"].endswith("/v1/problems/unauthorized")


def test_the_root_says_who_one_is(api: Api) -> None:
    body = said(api.get("/"))
    assert body["version"] == "v1"
    assert body["account"]["name"] == "owner@example.org"
    assert body["links"]["batches"] == f"{config().public_url}/v1/batches"


def test_the_scheme_is_read_without_regard_to_case_and_the_password_not_at_all(api: Api, anonymous: Api) -> None:
    assert api.key is not None
    for authorization in (basic(api.key).replace("Basic", "bASIC"), basic(api.key, "whatever:else")):
        assert anonymous.get("/", Authorization=authorization).status_code == 200


def test_a_reset_key_works_at_once_and_the_old_one_no_more(api: Api) -> None:
    fresh = Api(accounts.reset_key("OWNER@example.org"))
    assert api.get("/").status_code == 401
    assert fresh.get("/").status_code == 200


def test_of_a_key_only_the_digest_is_kept(api: Api) -> None:
    assert api.key is not None
    assert len(api.key) == 32
    row = ApiKey.objects.get()
    assert api.key not in str(vars(row))
    assert len(row.digest) == 64


@pytest.mark.parametrize(
    "path", ["/nothing", "/batches/0", "/batches/x", "/batches/1x", f"/batches/{2**63}", "/batches/"]
)
def test_an_unknown_path_is_a_problem_too(api: Api, path: str) -> None:
    response = api.get(path)
    assert response.status_code == 404
    assert said(response)["type"].endswith("/not-found")


def test_a_wrong_method_is_told_the_right_ones(api: Api) -> None:
    response = api("PATCH", "/batches/1")
    assert response.status_code == 405
    assert {method.strip() for method in response["Allow"].split(",")} == {"GET", "PUT", "DELETE"}
    assert said(response)["type"].endswith("/method-not-allowed")


def test_head_is_get_without_the_content(api: Api) -> None:
    api.batch()
    full, head = api.get("/batches"), api("HEAD", "/batches")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("X-Count", "X-Total-Count", "Link", "Content-Type", "Content-Length"):
        assert head[name] == full[name]


def test_a_crash_is_a_problem_and_no_traceback(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("calldron.services.batches.page", crash)
    response = api.get("/batches")
    assert response.status_code == 500
    assert said(response)["type"].endswith("/internal-error")
    assert b"secret" not in response.content


@pytest.mark.parametrize("broken", ["calldron.services.batches.page", "calldron.services.accounts.account_of"])
@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_database_that_is_away_is_told_with_when_to_come_again(
    api: Api, monkeypatch: pytest.MonkeyPatch, broken: str, error: type[Exception]
) -> None:
    def silence(*_args: object, **_kwargs: object) -> None:
        raise error("connection refused\n\tby db.internal")

    monkeypatch.setattr(broken, silence)
    response = api.get("/batches")
    assert (response.status_code, response["Retry-After"]) == (503, "5")
    assert said(response)["type"].endswith("/unavailable")
    assert b"db.internal" not in response.content


def test_too_large_a_body_is_refused_unread(api: Api) -> None:
    client = Client()
    assert api.key is not None
    response = client.generic(
        "POST", "/v1/batches", b"{}", headers={"Authorization": basic(api.key)}, CONTENT_LENGTH=str(33 * 2**20)
    )
    assert response.status_code == 413


def test_too_many_requests_are_told_when_to_come_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config(), "api_rate", 0.05)  # three a minute
    client = Client()
    assert api.key is not None
    answers = [client.get("/v1/", headers={"Authorization": basic(api.key)}) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1]["Retry-After"]) <= 20
    assert said(answers[-1])["type"].endswith("/too-many-requests")


def test_the_rate_holds_for_each_account_alone_over_a_minute() -> None:
    limit = RateLimit(2.0)
    assert [limit.wait(1, now=0.0) for _ in range(120)] == [0] * 120
    assert limit.wait(1, now=0.0) == 1
    assert limit.wait(2, now=0.0) == 0
    assert limit.wait(1, now=0.5) == 0
    assert limit.wait(1, now=0.5) == 1
    assert [limit.wait(1, now=3600.0) for _ in range(121)] == [0] * 120 + [1]
    assert RateLimit(0).wait(1, now=0.0) == 0


@pytest.mark.parametrize("path", ["/v1/openapi.json", "/v1/docs", *(f"/v1/problems/{slug}" for slug in TYPES)])
def test_the_reference_is_open_to_everybody_and_loads_nothing_from_elsewhere(path: str) -> None:
    response = Client().get(path)
    assert response.status_code == 200
    if not path.endswith(".json"):
        policy = response["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy
        assert b"//" not in response.content.replace(config().public_url.encode(), b"").replace(b"<!--", b"")
        assert b"<script>" not in response.content


def test_the_type_of_a_problem_leads_to_its_explanation(api: Api) -> None:
    body = said(api.get("/nothing"))
    page = Client().get(body["type"].removeprefix(config().public_url))
    assert page.status_code == 200
    assert body["title"] in page.content.decode()
    assert Client().get("/v1/problems/no-such").status_code == 404


def test_messages_follow_accept_language(api: Api) -> None:
    english, russian = api.get("/nothing"), api.get("/nothing", Accept_Language="ru-RU,ru;q=0.9,en;q=0.5")
    assert said(english)["title"] == "Not found"
    assert said(russian)["title"] == "Не найдено"
    assert russian["Content-Language"] == "ru"


def test_outside_the_api_the_gate_is_open(anonymous: Api) -> None:
    assert Client().get("/elsewhere").status_code == 404
