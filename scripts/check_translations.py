"""Every text that the code shows to a person is in Russian, whole and with its placeholders.

check_translations.py            says what is missing, empty, fuzzy, stale or broken, and exits 1
check_translations.py --update   brings the catalogue's texts up to date; the translations are then yours to write
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_file
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "calldron"
CATALOGUE = SOURCES / "locale" / "ru" / "LC_MESSAGES" / "django.po"

KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
TEMPLATE_CALL = re.compile(r"\b(_|n?p?gettext)\((.*?)\)(?= |$)", re.DOTALL | re.MULTILINE)

Text = tuple[str | tuple[str, ...], str | None]
"""A message id (with its plural, a tuple) and its context."""


def texts_of_python(path: Path) -> Iterator[Text]:
    options = {"encoding": "utf-8"}
    for _line, message, _comments, context in extract_from_file("python", path, keywords=KEYWORDS, options=options):
        yield message, context


def texts_of_template(path: Path) -> Iterator[Text]:
    """Django turns a template into calls of gettext; each is read as Python."""
    for name, arguments in TEMPLATE_CALL.findall(templatize(path.read_text())):
        call = ast.parse(f"({arguments},)", mode="eval").body
        values = [str(node.value) for node in ast.iter_child_nodes(call) if isinstance(node, ast.Constant)]
        context = values.pop(0) if name in ("pgettext", "npgettext") else None
        yield (tuple(values[:2]) if name in ("ngettext", "npgettext") else values[0]), context


def texts() -> dict[Text, str]:
    """Each text and the first place that shows it."""
    found: dict[Text, str] = {}
    for path in sorted(SOURCES.rglob("*")):
        if path.suffix == ".py":
            reader = texts_of_python
        elif path.suffix in (".html", ".txt"):
            reader = texts_of_template
        else:
            continue
        for text in reader(path):
            found.setdefault(text, str(path.relative_to(ROOT)))
    return found


def catalogue() -> Catalog:
    if not CATALOGUE.exists():
        return Catalog(locale="ru", domain="django", header_comment="# Calldron in Russian.", fuzzy=False)
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="ru", domain="django")


def complaints(used: dict[Text, str], russian: Catalog) -> Iterator[str]:
    known = {(message.id, message.context) for message in russian if message.id}
    for text, place in used.items():
        if text not in known:
            yield f"{place}: not translated: {text[0]!r}"
    for message in russian:
        if not message.id:
            continue
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        if (message.id, message.context) not in used:
            yield f"no longer used: {message.id!r}"
        elif not all(strings):
            yield f"empty: {message.id!r}"
        elif message.fuzzy:
            yield f"fuzzy: {message.id!r}"
        for error in message.check(russian):
            yield f"{error}: {message.id!r}"


def update(used: dict[Text, str], russian: Catalog) -> None:
    template = Catalog(project="calldron", domain="django")
    for (message, context), place in used.items():
        template.add(message, locations=[(place, 1)], context=context)
    russian.update(template, no_fuzzy_matching=True)
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    with CATALOGUE.open("wb") as file:
        write_po(file, russian, width=110, ignore_obsolete=True, include_lineno=False)


def main() -> int:
    used, russian = texts(), catalogue()
    if sys.argv[1:] == ["--update"]:
        update(used, russian)
        russian = catalogue()
    found = list(complaints(used, russian))
    for complaint in found:
        print(complaint)
    print(f"{len(used)} texts, {len(found)} to be looked at in {CATALOGUE.relative_to(ROOT)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
