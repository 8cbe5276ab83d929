"""Requests of the API as programs in the languages that people use: each runs as it stands, with the key in
``$CALLDRON_KEY``."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

KEY = "CALLDRON_KEY"

_WITHIN = " " * 4  # what the arguments of a call are indented by
_SHORT = 60  # characters of a value that stays in one line


@dataclass(frozen=True, slots=True)
class InBase64:
    """In a body: the Base64 of this file."""

    file: str


@dataclass(frozen=True, slots=True)
class FileBody:
    """A body that is this file."""

    file: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Request:
    """``saved_as``: the file that the answer is kept in, where it is no text."""

    method: str
    url: str
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    saved_as: str = ""


def curl(request: Request) -> str:
    """For a shell."""
    method = "" if request.method == ("GET" if request.body is None else "POST") else f" -X {request.method}"
    lines = [f"curl{method} -u ${KEY}: {_quoted(request.url)}"]
    lines += [f"-H {_quoted(f'{name}: {value}')}" for name, value in _headers(request).items()]
    if isinstance(request.body, FileBody):
        lines.append(f"--data-binary @{request.body.file}")
    elif request.body is not None:
        lines.append(f"-d {_shell_json(request.body)}")
    if request.saved_as:
        lines.append(f"-o {request.saved_as}")
    return " \\\n  ".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'" if any(sign in text for sign in " '?&") else text


def _shell_json(body: object) -> str:
    """The file's Base64 goes between two quoted pieces, where the shell makes it."""
    written = _literal(body, _JSON).replace("'", "'\\''")
    return "'" + re.sub(r"\0(.*?)\0", r"'$(base64 -w0 \1)'", written) + "'"


def python(request: Request) -> str:
    """With the library requests."""
    lines = [f'"{request.url}",', f'auth=(os.environ["{KEY}"], ""),']
    headers = _headers(request, json_too=False)
    if headers:
        lines.append(f"headers={_literal(headers, _PYTHON, _WITHIN)},")
    if isinstance(request.body, FileBody):
        lines.append(f'data=open("{request.body.file}", "rb"),')
    elif request.body is not None:
        lines.append(f"json={_literal(request.body, _PYTHON, _WITHIN)},")
    imports = ["import base64"] if _files(request.body) else []
    call = "\n    ".join(lines)
    shown = f'open("{request.saved_as}", "wb").write(answer.content)' if request.saved_as else "print(answer.text)"
    return "\n".join(
        (
            *(*imports, "import os", "", "import requests", ""),
            f"answer = requests.{request.method.lower()}(\n    {call}\n)",
            "answer.raise_for_status()",
            shown,
        )
    )


def ruby(request: Request) -> str:
    """With what Ruby brings along."""
    lines = ['require "net/http"', 'require "json"', "", f'uri = URI("{request.url}")']
    headers = _headers(request)
    given = "".join(f', "{name}" => "{value}"' for name, value in headers.items())
    lines.append(f"request = Net::HTTP::{request.method.capitalize()}.new(uri{given})")
    lines.append(f'request.basic_auth(ENV["{KEY}"], "")')
    if isinstance(request.body, FileBody):
        lines.append(f'request.body = File.binread("{request.body.file}")')
    elif request.body is not None:
        lines.append(f"request.body = {_literal(request.body, _RUBY)}.to_json")
    lines += [
        'answer = Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == "https") { |http| http.request(request) }',
        "answer.value # raises where it was refused",
        f'File.binwrite("{request.saved_as}", answer.body)' if request.saved_as else "puts answer.body",
    ]
    return "\n".join(lines)


def php(request: Request) -> str:
    """With the curl extension."""
    options = [f'CURLOPT_USERPWD => getenv("{KEY}") . ":"', "CURLOPT_RETURNTRANSFER => true"]
    options.append("CURLOPT_FAILONERROR => true")
    if request.method != "GET":
        options.append(f'CURLOPT_CUSTOMREQUEST => "{request.method}"')
    headers = [f'"{name}: {value}"' for name, value in _headers(request).items()]
    if headers:
        options.append(f"CURLOPT_HTTPHEADER => [{', '.join(headers)}]")
    if isinstance(request.body, FileBody):
        options.append(f'CURLOPT_POSTFIELDS => file_get_contents("{request.body.file}")')
    elif request.body is not None:
        options.append(f"CURLOPT_POSTFIELDS => json_encode({_literal(request.body, _PHP, _WITHIN)})")
    given = "".join(f"    {option},\n" for option in options)
    kept = f'file_put_contents("{request.saved_as}", $answer);' if request.saved_as else "echo $answer;"
    return "\n".join(
        (
            *("<?php", f'$request = curl_init("{request.url}");'),
            f"curl_setopt_array($request, [\n{given}]);",
            "$answer = curl_exec($request);",
            "if ($answer === false) exit(curl_error($request));",
            kept,
        )
    )


LANGUAGES: Mapping[str, tuple[str, Callable[[Request], str]]] = {
    "curl": ("curl", curl),
    "python": ("Python", python),
    "ruby": ("Ruby", ruby),
    "php": ("PHP", php),
}


def _headers(request: Request, *, json_too: bool = True) -> dict[str, str]:
    headers = dict(request.headers)
    if isinstance(request.body, FileBody):
        headers["Content-Type"] = request.body.media_type
    elif request.body is not None and json_too:
        headers["Content-Type"] = "application/json"
    return headers


@dataclass(frozen=True, slots=True)
class _Tongue:
    """How a language writes values. Texts are written as in JSON: none of ours holds what the languages see in them."""

    true: str
    false: str
    null: str
    opens: str
    pair: str
    closes: str
    file: str


_JSON = _Tongue("true", "false", "null", "{", '"{name}": {value}', "}", '"\0{file}\0"')
_PYTHON = _Tongue(
    "True", "False", "None", "{", '"{name}": {value}', "}", 'base64.b64encode(open("{file}", "rb").read()).decode()'
)
_RUBY = _Tongue("true", "false", "nil", "{", '"{name}" => {value}', "}", '[File.binread("{file}")].pack("m0")')
_PHP = _Tongue("true", "false", "null", "[", '"{name}" => {value}', "]", 'base64_encode(file_get_contents("{file}"))')


def _literal(value: object, tongue: _Tongue, indent: str = "") -> str:
    """Broken into lines where one would be long."""
    match value:
        case bool():
            return tongue.true if value else tongue.false
        case None:
            return tongue.null
        case InBase64():
            return tongue.file.replace("{file}", value.file)
        case Mapping():
            inner = indent + "  "
            pairs = [
                tongue.pair.replace("{name}", str(name)).replace("{value}", _literal(part, tongue, inner))
                for name, part in value.items()
            ]
            return _listed(pairs, tongue.opens, tongue.closes, indent)
        case list():
            return _listed([_literal(part, tongue, indent + "  ") for part in value], "[", "]", indent)
    return json.dumps(value, ensure_ascii=False)


def _listed(parts: list[str], opens: str, closes: str, indent: str) -> str:
    short = f"{opens}{', '.join(parts)}{closes}"
    if len(short) <= _SHORT and "\n" not in short:
        return short
    lines = ",\n".join(f"{indent}  {part}" for part in parts)
    return f"{opens}\n{lines}\n{indent}{closes}"


def _files(body: object) -> bool:
    """Whether a file's Base64 is in it."""
    match body:
        case InBase64():
            return True
        case Mapping():
            return any(map(_files, body.values()))
        case list():
            return any(map(_files, body))
    return False
