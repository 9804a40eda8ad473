"""The pages for readers, taken apart, and the parts of them that are made from the code.

`python -m tests.house.docs` writes those parts anew; test_docs.py compares them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import SecretStr

from bot.settings import Settings
from storage import leavers, schema
from tests.house.source import ROOT

PAGES = ("README.md", "README.ja.md", "examples/README.md")
_FENCED = re.compile(r"^( *)```(\w*)(?: (\S+))?\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


def pages() -> dict[str, str]:
    """Every page for readers by its path from the root."""
    paths = [*(ROOT / page for page in PAGES), *sorted((ROOT / "docs").glob("*.md"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}


def blocks(page: str) -> list[tuple[str, str]]:
    """The fenced blocks of a page: (path it is to be written to, or "", and the words)."""
    return [(match[3] or "", match[4]) for match in _FENCED.finditer(page)]


def code(page: str) -> Iterator[str]:
    """Everything that a page sets as code, in blocks and in lines."""
    yield from (words for _, words in blocks(page))
    yield from _SPAN.findall(_FENCED.sub("", page))


def headings(page: str) -> list[int]:
    """The levels of the headings, in order."""
    return [len(signs) for signs in re.findall(r"^(#+) ", _FENCED.sub("", page), re.MULTILINE)]


def table(rows: Iterable[Sequence[str]], *head: str) -> str:
    """A Markdown table."""
    first, *rest = (f"| {' | '.join(row)} |\n" for row in (head, *rows))
    return "".join([first, "|---" * len(head), "|\n", *rest])


def cells(page: str) -> list[list[str]]:
    """The rows of all tables of a page, without heads' rules."""
    lines = [
        line for line in page.splitlines() if line.startswith("|") and not re.fullmatch(r"[|\-: ]+", line)
    ]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def transitions() -> str:
    """The transition table."""
    sentences = tomllib.loads((ROOT / "bot/catalogue/leavers.toml").read_text("utf-8"))["stage"]

    def row(stage: leavers.Stage) -> tuple[str, ...]:
        onwards = [f"`{to.value}`" for to in leavers.Stage if to in leavers.TRANSITIONS[stage]]
        return f"`{stage.value}`", sentences[stage.value]["ja"], ", ".join(onwards) or "–"

    return table(map(row, leavers.Stage), "stage", "日本語", "may become")


def tables() -> str:
    """What every table of the database says about itself."""
    found = schema.metadata().tables
    rows = [
        (f"`{name}`", *(found[name].info[key] for key in ("subject", "purpose", "keep")))
        for name in sorted(found)
    ]
    return table(rows, "table", "whose", "for what", "kept")


def layers() -> str:
    """The floors of the house, top first; the linter's marks for "may be absent" are left out."""
    floors = next(contract["layers"] for contract in _contracts() if contract["id"] == "rooms")
    return "```text\n" + "".join(re.sub(r"[()]", "", floor) + "\n" for floor in floors) + "```\n"


def contracts() -> str:
    """The other contracts, by their names."""
    return "".join(f"- {c['name']}.\n" for c in _contracts() if c["type"] != "layers")


def _contracts() -> list[dict[str, Sequence[str]]]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts: list[dict[str, Sequence[str]]] = project["tool"]["importlinter"]["contracts"]
    return contracts


def settings() -> list[tuple[str, str]]:
    """Every setting and its default as the page writes it, in order."""
    return [
        (f"`OKAERI_{name.upper()}`", _default(field.default)) for name, field in Settings.model_fields.items()
    ]


def _default(value: object) -> str:
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    shown = f"{plain:%H:%M}" if hasattr(plain, "hour") else str(plain)
    return f"`{shown}`" if shown else "–"


MADE: Mapping[tuple[str, str], Callable[[], str]] = {
    ("docs/house.md", "layers"): layers,
    ("docs/house.md", "contracts"): contracts,
    ("docs/house.md", "transitions"): transitions,
    ("docs/privacy.md", "tables"): tables,
}


def made(page: str, name: str) -> str:
    """What stands between the marks of a part."""
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    return page.partition(begin)[2].partition(end)[0]


def write() -> None:
    """Write every part that is made from the code."""
    for (path, name), make in MADE.items():
        file = Path(ROOT / path)
        page = file.read_text("utf-8")
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        head, tail = page.partition(begin)[0], page.partition(end)[2]
        file.write_text(f"{head}{begin}{make()}{end}{tail}", "utf-8")


if __name__ == "__main__":
    write()
