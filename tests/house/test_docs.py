"""What the pages for readers say is so: commands, settings, words, tables, links; the recipe works."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest
import typer
import yaml

import bot
import storage
from bot.__main__ import cli
from bot.errors import ConfigError
from bot.registry import discover
from bot.settings import Settings, check, load
from bot.texts import Texts
from bot.verbs import Verbs
from tests.house import docs
from tests.house.source import ROOT, sources

PAGES = docs.pages()
RECIPE = "docs/add-a-command.md"
README, LIESMICH = PAGES["README.md"], PAGES["README.ja.md"]
_NAME = re.compile(r"OKAERI_[A-Z_]*[A-Z]")
EVERY_PAGE = pytest.mark.parametrize("path", sorted(PAGES))


# --- commands, settings, links ---------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["make run", "make test"])
@pytest.mark.parametrize("page", [README, LIESMICH], ids=["English", "Japanese"])
def test_the_readme_begins_with_the_two_commands(page: str, command: str) -> None:
    assert command in docs.blocks(page)[0][1].splitlines()


@EVERY_PAGE
def test_every_target_of_make_exists(path: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {name for code in docs.code(PAGES[path]) for name in re.findall(r"\bmake ([a-z][a-z-]*)", code)}
    assert named <= targets


@EVERY_PAGE
def test_every_command_line_exists(path: str) -> None:
    group = typer.main.get_command(cli)
    assert isinstance(group, typer.core.TyperGroup)
    for code in docs.code(PAGES[path]):
        for name, rest in re.findall(r"\bokaeri ([a-z][a-z-]*)([^\n]*)", code):
            assert name in group.commands, f"{path}: okaeri {name}"
            command = group.commands[name]
            if isinstance(command, typer.core.TyperGroup) and rest.split():
                assert rest.split()[0] in command.commands, f"{path}: okaeri {name}{rest}"
                command = command.commands[rest.split()[0]]
            known = {option for parameter in command.params for option in parameter.opts}
            assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= known, f"{path}: okaeri {name}{rest}"


def test_every_command_line_is_told_somewhere() -> None:
    group = typer.main.get_command(cli)
    assert isinstance(group, typer.core.TyperGroup)
    everything = "\n".join(PAGES.values())
    assert not [name for name in group.commands if f"okaeri {name}" not in everything]


@pytest.mark.parametrize("path", sorted(PAGES.keys() - {RECIPE}))
def test_every_verb_of_the_chat_exists(path: str) -> None:
    verbs = Verbs(discover("bot.commands"), Texts.load(ROOT / "bot/catalogue"))
    for code in docs.code(PAGES[path]):
        for words in re.findall(r"/alumni ([^\n<]+)", code):
            assert verbs.parse("alumni", words)[0] is not None, f"{path}: /alumni {words}"


@EVERY_PAGE
def test_every_name_of_a_setting_exists(path: str) -> None:
    asking = ("tests/e2e/", "tests/bench/", "tests/postgres.py")
    tools = "".join(source.text for source in sources("tests") if source.path.startswith(asking))
    known = {f"OKAERI_{name.upper()}" for name in Settings.model_fields}
    assert set(_NAME.findall(PAGES[path])) <= known | set(_NAME.findall(tools))


def test_every_setting_is_told_with_its_default() -> None:
    rows = docs.cells(PAGES["docs/settings.md"])[1:]
    assert [(row[0], row[1]) for row in rows] == docs.settings()
    assert not [row[0] for row in rows if not (row[3] and row[4])]


def test_what_serve_asks_for_is_marked() -> None:
    with pytest.raises(ConfigError) as wrong:
        check(Settings.model_construct())
    asked = {found[1] for line in wrong.value.mistakes if (found := re.match(r"(OKAERI_\w+): missing", line))}
    assert {row[0].strip("`") for row in docs.cells(PAGES["docs/settings.md"])[1:] if row[2]} == asked


def test_the_example_of_a_configuration_is_one() -> None:
    lines = next(words for _, words in docs.blocks(README) if words.startswith("OKAERI_")).splitlines()
    values = dict(line.split("=", 1) for line in lines if line)
    given = {name.removeprefix("OKAERI_").lower(): value for name, value in values.items()}
    with pytest.raises(ConfigError) as wrong:  # its key and its folder are placeholders
        check(load(_env_file=None, **given))
    named = [line.partition(":")[0] for line in wrong.value.mistakes]
    assert named == ["OKAERI_SECRET_KEY", "OKAERI_LEAVER_DROP"]


@EVERY_PAGE
def test_links_lead_to_files(path: str) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", PAGES[path])
    here = (ROOT / path).parent
    assert not [target for target in targets if "://" not in target and not (here / target).exists()]


# --- two languages ---------------------------------------------------------------------------------------


def test_both_readmes_are_built_alike() -> None:
    assert docs.headings(README) == docs.headings(LIESMICH)
    assert docs.blocks(README) == docs.blocks(LIESMICH)
    linked = [set(re.findall(r"\]\((docs/[^)]+|examples/[^)]+)\)", page)) for page in (README, LIESMICH)]
    assert linked[0] == linked[1]


def test_every_page_is_reached_from_the_readme() -> None:
    assert not [path for path in PAGES if path.startswith("docs/") and f"({path})" not in README]


# --- the house -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "name"), list(docs.MADE), ids=lambda part: part)
def test_what_is_made_from_the_code_is_fresh(path: str, name: str) -> None:
    right = docs.MADE[path, name]()
    assert docs.made(PAGES[path], name) == right, "python -m tests.house.docs writes it anew"


def test_the_house_names_every_room_and_file() -> None:
    page = PAGES["docs/house.md"]
    found = [path for room in ("bot", "storage", "jobs") for path in (ROOT / room).iterdir()]
    names = [f"{p.name}/" if p.is_dir() else p.name for p in found if not p.name.startswith("__")]
    for door in ("slack", "mail", "hris"):
        names += [p.stem for p in (ROOT / "adapters" / door).glob("*.py") if p.stem != "__init__"]
    assert not [name for name in sorted(names) if f"`{name}`" not in page and f"/{name}`" not in page]


def enumerations() -> Iterator[type[StrEnum]]:
    """Every enumeration of words in `bot` and `storage`."""
    for package in (bot, storage):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                loaded = importlib.import_module(module.name)
                kinds = [kind for kind in vars(loaded).values() if isinstance(kind, type)]
                yield from (k for k in kinds if issubclass(k, StrEnum) and k.__module__ == module.name)


@pytest.mark.parametrize("kind", sorted(set(enumerations()), key=lambda kind: kind.__name__))
def test_the_glossary_has_every_word_of_the_code(kind: type[StrEnum]) -> None:
    section = PAGES["docs/glossary.md"].partition(f"### {kind.__name__}\n")[2].partition("\n### ")[0]
    assert [row[0] for row in docs.cells(section)[1:]] == [f"`{member.value}`" for member in kind]


def test_what_was_never_seen_is_numbered_and_can_be_settled() -> None:
    rows = [row for row in docs.cells(PAGES["docs/unverified.md"]) if row[0] != "no"]
    assert [row[0] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    assert not [row[0] for row in rows if len(row) != 5 or not all(row[:4]) or row[4] not in ("", "live")]


# --- the recipe ------------------------------------------------------------------------------------------


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project with the recipe's files in it."""
    made = shutil.ignore_patterns("__pycache__")
    for room in ("bot", "adapters", "storage", "jobs", "tests/house"):
        shutil.copytree(ROOT / room, tmp_path / room, ignore=made)
    for file in (ROOT / "pyproject.toml", *(ROOT / "tests").glob("*.py")):
        shutil.copy(file, tmp_path / file.relative_to(ROOT))
    written = [(path, words) for path, words in docs.blocks(PAGES[RECIPE]) if path]
    assert [Path(path).suffix for path, _ in written] == [".py", ".toml", ".py"]
    for path, words in written:
        target = tmp_path / path
        assert not target.exists(), f"{path} is taken"
        target.parent.mkdir(exist_ok=True)
        target.write_text(words, "utf-8")
    return tmp_path


def run(copy: Path, *line: str) -> str:
    """What a command of the project prints in the copy; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", *line], cwd=copy, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
def test_the_recipe_for_a_command_works(copy: Path) -> None:
    story, command = "tests/commands/test_hello.py", "bot/commands/hello.py"
    run(copy, "pytest", "-q", "-p", "no:cacheprovider", story, "tests/house/test_catalogue.py")
    run(copy, "ruff", "check", "--no-cache", command, story)
    paper = yaml.safe_load(run(copy, "bot", "manifest", "--side", "alumni"))
    assert "hello" in [shortcut["callback_id"] for shortcut in paper["features"]["shortcuts"]]


def test_the_recipe_names_the_command_that_writes_the_manifest() -> None:
    assert any("make manifest" in words.splitlines() for _, words in docs.blocks(PAGES[RECIPE]))
    makefile = (ROOT / "Makefile").read_text("utf-8")
    assert re.search(r"okaeri manifest --side alumni .*> app_manifest\.yml", makefile)


def test_the_readme_names_licence_and_python_as_the_project_does() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for page in (README, LIESMICH):
        assert f"[{project['license']}](LICENSE)" in page
        assert f"Python {project['requires-python'].removeprefix('>=')}" in page
