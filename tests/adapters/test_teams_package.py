"""The app package offers exactly what the registry does, in both languages, within the makers' limits."""

from __future__ import annotations

import copy
import io
import json
import re
import struct
import subprocess
import sys
import zipfile
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from adapters.teams.manifest import ALONE, COLOUR, LEFT_OUT, NAMES, App, manifest
from adapters.teams.manifest_rules import problems
from adapters.teams.package import package
from bot.brand import Brand
from bot.conversation import Side
from bot.errors import ConfigError
from bot.registry import Command, discover
from bot.texts import LOCALES, Texts
from bot.verbs import Verbs
from tests.house.source import ROOT

TEXTS = Texts.load(ROOT / "bot" / "catalogue")
REGISTRY = discover("bot.commands")
BRAND = Brand("みなとアルムナイ", "株式会社みなと", "人事部 佐藤", "hr@example.jp")
APP_ID = "0b5c7d1e-93a4-4f0e-8a51-2f60b2a6c7d8"
URL = "https://okaeri.example.com"
FILES = {"manifest.json", "en.json", "color.png", "outline.png"}
OURS = cache(lambda made: package(made, REGISTRY, TEXTS, BRAND))
BOTH = pytest.mark.parametrize("side", Side)


def app(side: Side = Side.ALUMNI, **changes: str) -> App:
    given = {"app_id": APP_ID, "base_url": URL, "version": "1.0.0", "locale": "ja", **changes}
    return App(side, **given)


def files(made: App, brand: Brand | None = None) -> dict[str, bytes]:
    data = package(made, REGISTRY, TEXTS, brand) if brand else OURS(made)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def papers(made: App) -> tuple[dict[str, Any], dict[str, Any]]:
    """The manifest and the file of the other language."""
    found = {name: json.loads(data) for name, data in files(made).items() if name.endswith(".json")}
    paper = found.pop("manifest.json")
    (other,) = found.values()
    return paper, other


def of_side(side: Side) -> dict[str, Command]:
    return {name: command for name, command in REGISTRY.commands.items() if side in command.sides}


def menu(paper: dict[str, Any], scope: str) -> list[str]:
    (found,) = [one for one in paper["bots"][0]["commandLists"] if scope in one["scopes"]]
    return [command["title"] for command in found["commands"]]


def meant(titles: list[str]) -> set[str]:
    """The commands that a menu's titles call when they are typed."""
    verbs, names = Verbs(REGISTRY, TEXTS), set()
    for title in titles:
        command, rest = verbs.parse("alumni", title)
        assert command is not None, title
        assert rest == "", title
        names.add(command.name)
    assert len(names) == len(titles)
    return names


# --- manifest and registry -------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", LOCALES)
@BOTH
def test_every_command_of_a_side_is_in_its_menu_or_left_out_for_a_reason(side: Side, locale: str) -> None:
    paper, _ = papers(app(side, locale=locale))
    assert meant(menu(paper, "personal")) == of_side(side).keys() - LEFT_OUT[side].keys()
    assert LEFT_OUT[side].keys() <= of_side(side).keys()
    assert all(LEFT_OUT[side].values())


@BOTH
def test_where_others_read_along_nothing_private_is_proposed(side: Side) -> None:
    paper, _ = papers(app(side))
    for scope in ("team", "groupChat"):
        assert meant(menu(paper, scope)) == of_side(side).keys() - LEFT_OUT[side].keys() - ALONE.keys()
    assert ALONE.keys() <= REGISTRY.commands.keys()
    assert all(ALONE.values())
    assert {"join", "stop", "leavers"} <= ALONE.keys()


@BOTH
def test_the_bot_is_everywhere_and_the_tab_in_ones_own_app(side: Side) -> None:
    paper, _ = papers(app(side))
    assert paper["bots"][0]["scopes"] == ["personal", "team", "groupChat"]
    chat, portal = paper["staticTabs"]
    assert chat == {"entityId": "conversations", "scopes": ["personal"]}
    assert (portal["contentUrl"], portal["websiteUrl"]) == (f"{URL}/alumni/tab", f"{URL}/alumni")
    assert paper["validDomains"] == ["okaeri.example.com"]
    assert paper["name"] == {"short": NAMES[side], "full": "みなとアルムナイ"}


def test_only_alumni_look_for_somebody_while_they_write() -> None:
    (extension,) = papers(app())[0]["composeExtensions"]
    (command,) = extension["commands"]
    assert (command["id"], command["type"], command["initialRun"]) == ("find", "query", True)
    assert [parameter["name"] for parameter in command["parameters"]] == ["query"]
    assert "composeExtensions" not in papers(app(Side.COMPANY))[0]


@BOTH
def test_nothing_is_asked_for_but_to_be_known_as_the_bot(side: Side) -> None:
    paper, _ = papers(app(side))
    assert paper["id"] == paper["bots"][0]["botId"] == APP_ID
    assert paper["webApplicationInfo"] == {"id": APP_ID}
    assert not paper.keys() & {"authorization", "permissions", "devicePermissions"}


@BOTH
def test_the_company_answers_for_the_app(side: Side) -> None:
    developer = papers(app(side))[0]["developer"]
    assert developer["name"] == "株式会社みなと"
    assert set(developer.values()) == {"株式会社みなと", f"{URL}/alumni"}
    long = Brand("あ" * 120, "み" * 40, "x", "x@example.jp", terms_url="https://minato.example/terms")
    paper = json.loads(files(app(side), long)["manifest.json"])
    assert paper["developer"]["name"] == "み" * 31 + "…"
    assert paper["developer"]["termsOfUseUrl"] == "https://minato.example/terms"
    assert len(paper["name"]["full"]) == 100


# --- two languages ---------------------------------------------------------------------------------------

_JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")


def sentences(value: Any, path: str = "") -> dict[str, str]:
    """Every text below a value of a manifest, by its path."""
    if isinstance(value, dict):
        return {k: v for name, inner in value.items() for k, v in sentences(inner, f"{path}.{name}").items()}
    if isinstance(value, list):
        return {k: v for n, inner in enumerate(value) for k, v in sentences(inner, f"{path}[{n}]").items()}
    return {path.lstrip("."): value} if isinstance(value, str) else {}


@BOTH
def test_the_language_file_turns_one_language_into_the_other(side: Side) -> None:
    japanese, to_english = papers(app(side))
    english, to_japanese = papers(app(side, locale="en"))
    for paper, words, other in ((japanese, to_english, english), (english, to_japanese, japanese)):
        told = sentences(paper) | {path: text for path, text in words.items() if path != "$schema"}
        kept = {path: text for path, text in told.items() if not path.startswith("localizationInfo")}
        assert kept == {p: s for p, s in sentences(other).items() if not p.startswith("localizationInfo")}
    assert japanese["localizationInfo"] == {
        "defaultLanguageTag": "ja",
        "additionalLanguages": [{"languageTag": "en", "file": "en.json"}],
    }
    spoken = [text for path, text in to_english.items() if path.endswith((".title", "tabs[1].name"))]
    assert not [text for text in spoken if _JAPANESE.search(text)]


# --- limits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", LOCALES)
@BOTH
def test_both_packages_keep_the_limits(side: Side, locale: str) -> None:
    paper, words = papers(app(side, locale=locale))
    other = "en" if locale == "ja" else "ja"
    assert problems(paper, {f"{other}.json": words}) == []
    assert all(len(one["commands"]) <= 12 for one in paper["bots"][0]["commandLists"])


ITEM = {"title": "x", "description": "x"}
TAB = {"entityId": "x", "scopes": ["personal"]}
MENU, FIND = "bots/0/commandLists/0/commands", "composeExtensions/0/commands/0"
BREACHES: list[tuple[str, Any]] = [
    ("manifestVersion", "1.29"),
    ("$schema", "https://example.com/schema.json"),
    ("version", "1.0"),
    ("id", "okaeri"),
    ("id", None),
    ("developer/name", "x" * 33),
    ("developer/privacyUrl", "http://okaeri.example.com"),
    ("developer/termsOfUseUrl", None),
    ("name/short", "x" * 31),
    ("description/short", "x" * 81),
    ("description/full", "x" * 4001),
    ("description/full", None),
    ("accentColor", "#b94"),
    ("accentColor", None),
    ("icons/outline", None),
    ("localizationInfo/defaultLanguageTag", "ja_JP"),
    ("localizationInfo/additionalLanguages", []),
    ("bots", [{"botId": APP_ID, "scopes": ["personal"]}] * 2),
    ("bots/0/botId", "11111111-1111-1111-1111-111111111111"),
    ("bots/0/scopes", ["meeting"]),
    ("bots/0/commandLists", [{"scopes": ["personal"], "commands": []}] * 4),
    ("bots/0/supportsTargetedMessages", True),
    (MENU, [ITEM | {"title": str(number)} for number in range(13)]),
    (MENU, [ITEM, ITEM]),
    (f"{MENU}/0/title", "x" * 129),
    (f"{MENU}/0/description", "x" * 4001),
    (f"{MENU}/0/triggers", ["slash"]),
    ("staticTabs", [TAB | {"entityId": str(number)} for number in range(17)]),
    ("staticTabs", [TAB, TAB]),
    ("staticTabs/1/name", "x" * 129),
    ("staticTabs/1/contentUrl", "https://elsewhere.example/alumni/tab"),
    ("staticTabs/1/contentUrl", "http://okaeri.example.com/alumni/tab"),
    (f"{FIND}/title", "x" * 33),
    (f"{FIND}/description", "x" * 129),
    (f"{FIND}/parameters", [{"name": str(number), "title": "x"} for number in range(6)]),
    (f"{FIND}/parameters/0/title", "x" * 33),
    ("composeExtensions/0/commands", [ITEM | {"id": str(number)} for number in range(11)]),
    ("composeExtensions/0/botId", "11111111-1111-1111-1111-111111111111"),
    ("validDomains", ["okaeri.example.com"] * 2),
    ("validDomains", ["https://okaeri.example.com"]),
    ("validDomains", [f"x{number}.example.com" for number in range(101)]),
    ("webApplicationInfo/id", "11111111-1111-1111-1111-111111111111"),
    ("defaultInstallScope", "everywhere"),
]


def changed(paper: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A manifest with one value replaced; `None` takes it away."""
    made = copy.deepcopy(paper)
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    inner: Any = made
    for step in way:
        inner = inner[step]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return made


@pytest.fixture(scope="module")
def both() -> tuple[dict[str, Any], dict[str, Any]]:
    return papers(app())


@pytest.mark.parametrize(("path", "value"), BREACHES, ids=range(len(BREACHES)))
def test_a_breach_is_named(both: tuple[dict[str, Any], dict[str, Any]], path: str, value: Any) -> None:
    assert problems(changed(both[0], path, value), {"en.json": both[1]})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name.short", None),
        ("name.short", "x" * 31),
        ("description.short", "x" * 81),
        ("staticTabs[1].name", "x" * 129),
        ("staticTabs[2].name", "x"),
        ("bots[0].commandLists[0].commands[11].title", "x"),
        ("bots[0].commandLists[0].commands[0].help", "x"),
        ("composeExtensions[0].commands[0].title", "x" * 33),
        ("composeExtensions[0].commands[0].title", 7),
    ],
)
def test_a_breach_in_a_language_file_is_named(
    both: tuple[dict[str, Any], dict[str, Any]], path: str, value: Any
) -> None:
    words = {k: v for k, v in (both[1] | {path: value}).items() if v is not None}
    assert problems(both[0], {"en.json": words})
    assert problems(both[0], {})
    assert problems(both[0], {"en.json": both[1], "fr.json": both[1]})


def test_the_checker_takes_any_file() -> None:
    assert "name: missing" in problems({}, {})
    assert problems({"bots": "x", "staticTabs": {}, "5": 6, "developer": [1]}, {}) != []


def test_no_package_is_made_that_teams_would_refuse() -> None:
    with pytest.raises(ConfigError) as wrong:
        package(app(app_id="okaeri", version="one"), REGISTRY, TEXTS, BRAND)
    assert {line.partition(":")[0] for line in wrong.value.mistakes} >= {"id", "version", "bots[0].botId"}


# --- the zip and its icons -------------------------------------------------------------------------------


@BOTH
def test_the_same_settings_give_the_same_bytes(side: Side) -> None:
    first, again = (package(app(side), REGISTRY, TEXTS, BRAND) for _ in range(2))
    assert first == again
    assert set(files(app(side))) == FILES
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {entry.create_system for entry in archive.infolist()} == {3}
    assert package(app(side, version="1.0.1"), REGISTRY, TEXTS, BRAND) != first


Pixels = list[tuple[int, ...]]


def drawn(png: bytes) -> tuple[int, int, Pixels]:
    """Width, height and the pixels (red, green, blue, alpha) of a PNG without filters; sums are checked."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    parts, at = {}, 8
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        data = png[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", png, at + 8 + size)[0] == zlib.crc32(kind + data)
        parts[kind], at = data, at + 12 + size
    width, height, *form = struct.unpack(">IIBBBBB", parts[b"IHDR"])
    assert form == [8, 6, 0, 0, 0]
    rows, line = zlib.decompress(parts[b"IDAT"]), width * 4 + 1
    assert len(rows) == height * line
    assert not any(rows[::line])
    plain = b"".join(rows[y * line + 1 : (y + 1) * line] for y in range(height))
    return width, height, [tuple(plain[x : x + 4]) for x in range(0, len(plain), 4)]


def test_the_colour_icon_is_full_and_its_drawing_in_the_safe_middle() -> None:
    width, height, pixels = drawn(files(app())["color.png"])
    assert (width, height) == (192, 192)
    ground = (*(int(COLOUR[at : at + 2], 16) for at in (1, 3, 5)), 255)
    assert {alpha for *_, alpha in pixels} == {255}
    inked = [number for number, pixel in enumerate(pixels) if pixel != ground]
    assert len(inked) > 1000
    assert (255, 255, 255, 255) in pixels
    assert all(36 <= number % 192 < 156 and 36 <= number // 192 < 156 for number in inked)


def test_the_outline_icon_is_white_on_nothing() -> None:
    width, height, pixels = drawn(files(app())["outline.png"])
    assert (width, height) == (32, 32)
    assert {pixel[:3] for pixel in pixels} == {(255, 255, 255)}
    alphas = [pixel[3] for pixel in pixels]
    assert alphas[0] == alphas[31] == alphas[-1] == alphas[16 * 32 + 16] == 0
    assert 0.1 < sum(alpha == 255 for alpha in alphas) / len(alphas) < 0.5
    assert any(0 < alpha < 255 for alpha in alphas)


# --- the command line ------------------------------------------------------------------------------------


def run(folder: Path, *line: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "bot", "teams-package", "--out", "okaeri.zip", *line],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
        env={"PYTHONPATH": str(ROOT), **{f"OKAERI_{k.upper()}": v for k, v in settings.items()}},
    )  # fmt: skip


def test_the_settings_are_enough(tmp_path: Path) -> None:
    given = {
        "company_name": "Minato",
        "base_url": URL,
        "locale": "en",
        "teams_company_app_id": APP_ID.upper(),
    }
    done = run(tmp_path, "--side", "company", "--app-version", "1.2.0", **given)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    with zipfile.ZipFile(tmp_path / "okaeri.zip") as archive:
        paper = json.loads(archive.read("manifest.json"))
        assert set(archive.namelist()) == FILES - {"en.json"} | {"ja.json"}
    brand = Brand("Minato Alumni", "Minato", "", "")
    made = app(Side.COMPANY, version="1.2.0", locale="en")
    assert paper == manifest(made, REGISTRY, TEXTS, brand)


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (["--side", "both"], ["--side"]),
        (["--app-version", "2"], ["OKAERI_TEAMS_ALUMNI_APP_ID", "OKAERI_BASE_URL", "OKAERI_COMPANY_NAME",
                                  "--app-version"]),
        (["--base-url", "http://127.0.0.1:3978"], ["OKAERI_TEAMS_ALUMNI_APP_ID", "OKAERI_BASE_URL",
                                                   "OKAERI_COMPANY_NAME"]),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(tmp_path: Path, line: list[str], named: list[str]) -> None:
    done = run(tmp_path, *line, teams_company_app_id=APP_ID)
    assert done.returncode == 78
    told = [one.strip() for one in done.stderr.splitlines()[1:]]
    assert [one.partition(": ")[0] for one in told] == named
    assert all("; right: " in one for one in told)
    assert not (tmp_path / "okaeri.zip").exists()


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    given = {"company_name": "Minato", "base_url": URL, "teams_alumni_app_id": APP_ID}
    done = run(tmp_path, "--out", "nowhere/okaeri.zip", **given)
    assert done.returncode == 78
    assert "nowhere/okaeri.zip" in done.stderr.replace("\\", "/")
