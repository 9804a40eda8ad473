"""No slash is named where none is typed: in Teams, on our pages, in mails."""

from __future__ import annotations

import re
from typing import Any

import pytest

from adapters.mail.page import MailDoors, MailPage
from adapters.teams.render import Reader
from adapters.teams.render import Renderer as TeamsRenderer
from adapters.teams.spelling import in_mails, in_teams
from adapters.web.render import Renderer as WebRenderer
from bot import offering
from bot.brand import Brand
from bot.conversation import Address, Card, Entry, Mention, Note, Paragraph, Platform, Text, t
from bot.ports import MailTo, Outgoing
from bot.registry import discover
from bot.spelling import SHORT, as_typed
from bot.texts import LOCALES, Texts
from bot.verbs import Verbs
from storage import accounts
from tests.desk import Desk, desk
from tests.house.source import ROOT

__all__ = ["desk"]
TEXTS = Texts.load(ROOT / "bot" / "catalogue")
REGISTRY = discover("bot.commands")
OTHERS = ("slack.", "backstage.")
"""Rooms of the chat that has the slash: its manifests, its playground."""
BRAND = Brand("みなとアルムナイ", "みなと", "人事部", "hr@example.jp", "", "")
SLASH = re.compile(r"(?<![\w.:/])/(alumni|jobs|refer)\b(?!/)")


class Seat:
    """Somebody on our pages."""

    locale, zone, by_mail = "ja", "Asia/Tokyo", False

    def __init__(self, locale: str) -> None:
        self.locale = locale

    def way(self, bound: Any, label: str) -> dict[str, Any]:
        return {"post": "/x", "hidden": {}}

    def nav(self) -> tuple[()]:
        return ()


def named() -> list[Text]:
    """Every sentence that names a command, with something in each of its places."""
    found = []
    for key in sorted(key for key in TEXTS.keys() if not key.startswith(OTHERS)):  # noqa: SIM118 - no mapping
        said = str(TEXTS.original(key))
        if SLASH.search(said):
            found.append(t(key, **dict.fromkeys(re.findall(r"\{(\w+)\}", said), 3)))
    return found


def cards() -> list[Card]:
    """Each of them in every place in which a renderer writes words."""
    return [Card(one, (Paragraph(one), Note(one), Entry(one, one)), one) for one in named()]


def test_many_sentences_name_a_command() -> None:
    assert len(named()) > 40
    assert set(SHORT) == {c.short.removeprefix("/") for c in REGISTRY.commands.values() if c.short}


@pytest.mark.parametrize("locale", LOCALES)
def test_teams_names_no_slash(locale: str) -> None:
    renderer, reader = TeamsRenderer(TEXTS, "Asia/Tokyo", BRAND), Reader(locale, "")
    for card in cards():
        for drawn in (renderer.message(card, reader), renderer.dialog(card, reader)):
            assert not SLASH.search(str(drawn)), card.title


@pytest.mark.parametrize("locale", LOCALES)
def test_our_pages_name_no_slash(locale: str) -> None:
    renderer, seat = WebRenderer(TEXTS, BRAND), Seat(locale)
    for card in cards():
        assert not SLASH.search(re.sub(r'(href|action|src)="[^"]*"', "", renderer.card(card, seat)))


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("texts", [in_mails(TEXTS), TEXTS.by_page()], ids=["teams", "no chat"])
def test_mails_name_no_slash(texts: Texts, locale: str) -> None:
    page = MailPage(texts, BRAND, MailDoors(), "Asia/Tokyo")
    for card in cards():
        bodies = page.bodies(MailTo("a@example.jp"), Outgoing("1", card, locale))
        assert not SLASH.search(f"{bodies.subject}\n{bodies.text}\n{bodies.html}"), card.title


def test_the_way_into_slack_is_the_one_command_that_a_mail_names() -> None:
    page = MailPage(TEXTS.by_page(as_typed), BRAND, MailDoors(), "Asia/Tokyo")
    told = "\n".join(page.bodies(MailTo("a@b.jp"), Outgoing("1", card, "ja")).text for card in cards())
    assert "/alumni join" in told
    assert not SLASH.search(told.replace("/alumni join", ""))


def test_teams_says_where_what_is_typed() -> None:
    texts = in_teams(TEXTS)
    for locale, words in (("ja", "探す 山田"), ("en", "find 山田")):
        told = texts.plain(t("help.private"), locale)
        assert words in told
        assert f"@Okaeri {words}" in told
    assert texts.plain(t("find.usage"), "en").startswith("find NAME")


def test_a_page_is_named_in_the_readers_language() -> None:
    pages = TEXTS.by_page()
    assert "「退職予定」" in pages.plain(t("decisions.stuck_right"), "ja")
    assert "“leavers”" in pages.plain(t("decisions.stuck_right"), "en")
    assert pages.plain(t("leavers.add.usage"), "ja") == "退職予定 追加"


def test_what_hr_says_instead_is_written_so_too() -> None:
    texts = Texts.load(ROOT / "bot" / "catalogue")
    told, before = in_teams(texts), texts.edition
    texts.lay_over({"join.way_out": {"ja": "お休みは **/alumni stop** へ。"}})
    assert told.plain(t("join.way_out"), "ja") == "お休みは stop へ。"
    assert told.edition == texts.edition == before + 1
    assert texts.plain(t("join.way_out"), "ja") == "お休みは /alumni stop へ。"


def test_data_is_left_alone() -> None:
    for texts in (in_teams(TEXTS), TEXTS.by_page()):
        assert "/alumni find" in texts.plain(t("find.title", query="/alumni find"), "ja")


@pytest.mark.parametrize("words", ["jobs", "refer 12", "/jobs", "求人", "find 山田"])
def test_every_short_command_is_a_verb_as_well(words: str) -> None:
    command, _ = Verbs(REGISTRY, TEXTS).parse("alumni", words.removeprefix("/"))
    assert command is not None


# --- people, where their platform draws no mention -----------------------------------------------------

MORI = Address(Platform.TEAMS, "aaaaaaaa-0000-4000-8000-000000000001", "cccccccc-0000-4000-8000-000000000001")


@pytest.mark.parametrize(("name", "words"), [("mori@example.jp", "mori@example.jp"), ("", f"@{MORI.user}")])
def test_an_account_is_shown_by_name_where_one_is_known(name: str, words: str) -> None:
    card = Card("x", (Paragraph(t("join.tied_to", who=Mention(MORI, name))),))
    texts = Texts({"join.tied_to": {"ja": "{who}さん", "en": "{who}"}, "brand.line": {"en": "x"}})
    assert texts.plain(card.body[0].text, "ja") == f"{words}さん"  # type: ignore[union-attr]
    drawn = TeamsRenderer(texts, "Asia/Tokyo").message(card, Reader("ja", ""))
    assert words in str(drawn)
    assert "".join(part["text"] for part in _runs(drawn)) == f"x{words}さん"


def _runs(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [run for one in node for run in _runs(one)]
    if not isinstance(node, dict):
        return []
    own = [node] if node.get("type") in ("TextRun", "TextBlock") else []
    return own + [run for value in node.values() for run in _runs(value)]


def test_who_wrote_an_opening_is_told_by_address_of_mail(desk: Desk) -> None:
    desk.staff("mori@example.jp")
    desk.does(lambda tx: accounts.staff_found(tx, "mori@example.jp", MORI))
    assert desk.sees(lambda tx: offering.who(tx, str(MORI))) == Mention(MORI, "mori@example.jp")
    stranger = Address(Platform.TEAMS, MORI.workspace, "cccccccc-0000-4000-8000-000000000002")
    assert desk.sees(lambda tx: offering.who(tx, str(stranger))) == Mention(stranger)
