"""The documents say what the code says: settings, commands, sandbox numbers, statuses, log lines, links."""

import re
from pathlib import Path

import click
import pytest

from calldron.cli import main
from calldron.config import Config
from calldron.domain.call import CallStatus
from calldron.domain.outcome import Fault, Outcome, Result, tried_again
from calldron.domain.rule import Rule
from calldron.engines.carrier import plan

ROOT = Path(__file__).parents[2]
READMES = ["README.md", "README.ru.md"]
DOCS = [str(file.relative_to(ROOT)) for file in sorted(ROOT.glob("docs/**/*.md"))]
DOCUMENTS = [*READMES, "CHANGELOG.md", "CONTRIBUTING.md", *DOCS]
NOT_YET = {CallStatus.MACHINE, CallStatus.EXPIRED, Result.OPTED_OUT}


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def rows(name: str, first: str) -> list[list[str]]:
    """The rows of the table whose head begins with this cell; cells without their backticks."""
    lines = text(name).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"| {first} |"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return found


def variable(setting: str) -> str:
    return "DATABASE_URL" if setting == "database_url" else f"CALLDRON_{setting.upper()}"


def default(setting: str) -> str:
    field = Config.model_fields[setting]
    value = "" if field.default_factory else field.default  # it goes by other settings
    return str(value).replace("'", '"') if isinstance(value, list) else str(value)


@pytest.mark.parametrize(("readme", "head"), [("README.md", "variable"), ("README.ru.md", "переменная")])
def test_every_setting_is_in_the_table_with_its_default(readme: str, head: str) -> None:
    table = {row[0]: row[1] for row in rows(readme, head)}
    assert table == {variable(setting): default(setting) for setting in Config.model_fields}


def test_settings_are_described_as_in_the_code() -> None:
    table = {row[0]: row[2] for row in rows("README.md", "variable")}
    assert table == {variable(name): field.description for name, field in Config.model_fields.items()}


@pytest.mark.parametrize("readme", READMES)
def test_sandbox_numbers_are_those_of_the_carrier(readme: str) -> None:
    assert plan.__doc__
    table = re.findall(r"^([0-9D][0-9D]N?N?) ", plan.__doc__, re.MULTILINE)
    assert len(table) > 10
    assert [row[0] for row in rows(readme, "`BBNN`")] == table


@pytest.mark.parametrize("readme", READMES)
def test_every_status_and_result_is_explained(readme: str) -> None:
    states = rows(readme, "`status`")
    named = {word for row in states for word in re.findall(r"`([a-z_]+)`", f"`{row[0]}`")}
    assert named == {status.value for status in CallStatus if status not in NOT_YET}
    results = {row[0] for row in rows(readme, "`result`")}
    assert results == {"null", *(result.value for result in Result if result not in NOT_YET)}


def test_what_is_tried_again_is_said_as_it_is() -> None:
    for status, _, again in rows("README.md", "`status`")[1:]:
        for word in re.findall(r"[a-z_]{4,}", status):
            assert tried_again(Outcome(word), Fault.CALLEE) == (again != "never"), word


def test_every_code_of_why_is_explained_in_its_order() -> None:
    assert [row[0] for row in rows("docs/why.md", "code")] == [rule.value for rule in Rule]


def commands(group: click.Group, before: str = "calldron") -> list[str]:
    found = []
    for name, command in group.commands.items():
        full = f"{before} {name}"
        found += commands(command, full) if isinstance(command, click.Group) else [full]
    return found


def test_every_command_is_described_and_no_other() -> None:
    described = [re.split(r"(?: [\[A-Z])", row[0].strip("`"))[0] for row in rows("docs/operations.md", "command")]
    assert sorted(described) == sorted(commands(main))


def test_log_lines_that_are_explained_are_written() -> None:
    source = "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "calldron").rglob("*.py"))
    for event, _ in rows("docs/operations.md", "`event`"):
        assert f'"{event.removesuffix("…")}' in source, event


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    here = ROOT / document
    for target in re.findall(r"\]\(([^)\s]+)\)", text(document)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (here.parent / path).resolve() if path else here
        assert file.exists(), f"{document}: {target}"
        if anchor and file.suffix == ".md":
            heads = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}, target


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_exist(document: str) -> None:
    for path in re.findall(r"`((?:calldron|tests|docs|bench|scripts)/[\w./-]+)`", text(document)):
        assert (ROOT / path).exists(), f"{document}: {path}"
