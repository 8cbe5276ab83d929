"""schemathesis against the server: everything it generates from the OpenAPI document, and every check it has."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from web_server import WebServer

HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
CONFIG = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.timeout(600)
def test_schemathesis_finds_nothing(server: WebServer, tmp_path: Path) -> None:
    """All phases: the document's examples, the edges of every schema, random requests, and chains along the links."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)),
            *("run", f"{server.url}/v1/openapi.json"),
            *("--auth", f"{server.new_key('schemathesis@example.org')}:", "--checks", "all"),
            *("--max-examples", "15", "--generation-deterministic", "--no-color", "--output-truncate", "false"),
        ],
        cwd=tmp_path,
        env={**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HOOKS.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=580,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    described = sum(map(len, httpx.get(f"{server.url}/v1/openapi.json").json()["paths"].values()))
    assert f"{described} selected / {described} total" in done.stdout
