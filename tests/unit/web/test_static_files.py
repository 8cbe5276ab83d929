"""Scripts and styles as browsers get them."""

import gzip
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.test import Client

VENDOR = Path(str(finders.find("web/vendor/README.md"))).parent


def test_an_address_changes_with_its_file_and_is_kept_for_long(client: Client) -> None:
    address = static("web/calldron.css")
    assert address.startswith("/static/web/calldron.css?v=")
    answer = client.get(address)
    assert answer.status_code == 200
    assert "max-age=31536000" in answer.headers["Cache-Control"]


@pytest.mark.parametrize("packed", sorted(VENDOR.rglob("*.gz")), ids=lambda path: path.name)
def test_what_is_sent_compressed_is_the_file(packed: Path) -> None:
    assert gzip.decompress(packed.read_bytes()) == packed.with_suffix("").read_bytes()


def test_a_library_is_sent_compressed(client: Client) -> None:
    answer = client.get(static("web/vendor/htmx/htmx.min.js"), headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"


def test_pages_are_sent_compressed(client: Client, db: None) -> None:
    answer = client.get("/no/such/page", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"<!doctype html>" in gzip.decompress(answer.content)
