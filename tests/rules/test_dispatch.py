"""Dispatch on a real database: once only, who is it, may they, all or nothing, every error told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import text as sql

from bot.app import CATALOGUE
from bot.conversation import (
    Address,
    Answer,
    Bound,
    ButtonPressed,
    Card,
    CommandUsed,
    Conversation,
    FormSubmitted,
    HomeOpened,
    MemberLeft,
    Option,
    OptionsSought,
    Paragraph,
    Platform,
    Reply,
    Role,
    Side,
    Standing,
    Text,
    t,
)  # fmt: skip
from bot.dispatch import Dispatcher, Outcome, new_incident
from bot.errors import Conflict, InvalidForm, TooOften
from bot.fields import search, text
from bot.registry import Context, Feature, Registry
from bot.texts import Texts
from storage import accounts, inbox, journal, people
from storage.engine import now
from storage.journal import Line
from tests.desk import POLICY, Desk

WHO = Address(Platform.SLACK, "T0ALUMNI", "U1")
WORDS = """
[verb]
ja = "試す"
en = "demo"
[write]
en = "x"
[rename.name_hint]
en = "hint"
[asked]
en = "x {what}"
"""
demo = Feature("bot.commands.demo")
helper = Feature("bot.commands.help")


class Keeps(Conflict):
    """A refusal whose writing stays."""

    keeps = True


@dataclass(frozen=True)
class Name:
    """Two questions."""

    name: str = text(limit=5)
    who: str = search(required=False)


@demo.command(Side.ALUMNI)
def demo_command(ctx: Context, argument: str) -> Answer:
    """Writes a line, then does as it is told."""
    journal.write(ctx.tx, "demo.ran", argument)
    match argument:
        case "refuse":
            raise Conflict("common.outdated")
        case "refuse and keep":
            raise Keeps("common.outdated")
        case "break":
            raise RuntimeError("a secret value")
        case "form":
            return rename(person="p_1")
    return Reply(Card(t("demo.asked", what=argument)))


@helper.command(reads=True)
def help_command(ctx: Context, argument: str) -> Answer:
    """Only reads; asked to, it tries to write all the same."""
    if argument == "write":
        journal.write(ctx.tx, "help.ran")
    return Reply(Card("help"))


@demo.action(Side.ALUMNI)
def press(ctx: Context, times: int) -> Answer:
    """Writes a line."""
    journal.write(ctx.tx, "demo.pressed", str(times))
    return Reply(Card("pressed"))


@demo.action(Side.ALUMNI, roles=(Role.ALUMNUS,))
def members(ctx: Context) -> Answer:
    """For members."""
    return None


@demo.action(Side.COMPANY, roles=(Role.HR,))
def staff(ctx: Context) -> Answer:
    """For HR."""
    return None


@demo.form(Name, Side.ALUMNI)
def rename(ctx: Context, form: Name, person: str) -> Answer:
    """Writes what was entered."""
    journal.write(ctx.tx, "demo.renamed", form.name)
    if form.name == "taken":
        raise InvalidForm({"name": t("demo.asked", what="taken")})
    return Reply(Card(form.name))


@rename.prepare
def blank(ctx: Context, person: str) -> Name:
    """Opens only for p_1."""
    if person != "p_1":
        raise Conflict("common.outdated")
    return Name("aiko")


@rename.intro
def intro(ctx: Context, person: str) -> Card:
    """Above the questions."""
    return Card("x", (Paragraph(person),))


@rename.suggests("who")
def suggest(ctx: Context, query: str, person: str) -> tuple[Option, ...]:
    """More than a platform takes."""
    return tuple(Option(f"{query}{n}", "x") for n in range(120))


@demo.on(MemberLeft)
def left(ctx: Context, event: MemberLeft) -> None:
    """Writes a line."""
    journal.write(ctx.tx, "demo.left", str(event.address))


helper.homepage(lambda ctx: Card("home"))
demo.commands[0] = replace(demo.commands[0], name="demo", key="demo")
helper.commands[0] = replace(helper.commands[0], name="help", key="help")


@dataclass
class House:
    """A dispatcher and ways to knock."""

    desk: Desk
    dispatcher: Dispatcher
    count: int = 0

    def _at(self, event_id: str = "") -> tuple[Address, Conversation, str]:
        self.count += 1
        return WHO, Conversation("T0ALUMNI", "D1"), event_id or f"Ev{self.count}"

    async def types(self, words: str, event_id: str = "", side: Side = Side.ALUMNI) -> Outcome:
        return await self.dispatcher.answer(CommandUsed(*self._at(event_id), "alumni", words), side)

    async def presses(
        self, bound: Bound, event_id: str = "", twin: str = "", side: Side = Side.ALUMNI
    ) -> Outcome:
        return await self.dispatcher.answer(ButtonPressed(*self._at(event_id), bound, twin), side)

    async def fills(self, bound: Bound, event_id: str = "", twin: str = "", **values: Any) -> Outcome:
        return await self.dispatcher.answer(
            FormSubmitted(*self._at(event_id), bound, values, twin), Side.ALUMNI
        )

    def lines(self) -> list[tuple[str, str]]:
        return self.desk.sees(
            lambda tx: [(line.what, line.subject) for line in tx.query(Line).order_by(Line.id)]
        )

    def noted(self, standing: Standing = Standing.MEMBER) -> None:
        def note(tx: Any) -> None:
            accounts.note(tx, WHO, Side.ALUMNI)
            accounts.looked(tx, WHO, standing, "en", "Europe/London")

        self.desk.does(note)


@pytest.fixture
def house(desk: Desk, tmp_path: Path) -> Iterator[House]:
    """The demo feature alone."""
    (tmp_path / "demo.toml").write_text(WORDS, "utf-8")
    texts = Texts.load(CATALOGUE, tmp_path)
    return House(desk, Dispatcher(desk.database, Registry.of([demo, helper]), POLICY, texts))


def told(outcome: Outcome) -> Text | str | None:
    """What a refusal says."""
    assert outcome.reply is not None
    block = outcome.reply.card.body[0]
    assert isinstance(block, Paragraph)
    return block.text


async def test_a_command_runs_once_however_often_it_arrives(house: House) -> None:
    first = await house.types("demo x", "Ev-same")
    again = await house.types("demo x", "Ev-same")
    assert first.reply == Reply(Card(t("demo.asked", what="x")))
    assert (again.reply, again.form, again.errors, again.options) == (None, None, {}, ())
    assert house.lines() == [("demo.ran", "x")]


async def test_a_refusal_takes_back_what_was_written_unless_it_keeps_it(house: House) -> None:
    assert told(await house.types("demo refuse", "Ev-1")) == t("common.outdated")
    assert house.lines() == []
    assert told(await house.types("demo refuse and keep")) == t("common.outdated")
    assert house.lines() == [("demo.ran", "refuse and keep")]
    assert (await house.types("demo x", "Ev-1")).reply is None, "a refused one was handled too"


async def test_a_bug_is_an_incident_with_a_code_and_without_a_detail(house: House) -> None:
    with structlog.testing.capture_logs() as logged:
        outcome = await house.types("demo break", "Ev-1")
    assert outcome.reply is not None
    assert outcome.reply.card.title == t("common.incident")
    (entry,) = logged
    assert told(outcome) == t("common.incident_code", code=entry["code"])
    assert "a secret value" not in repr(outcome)
    (line,) = house.desk.sees(lambda tx: tx.query(Line).all())
    assert (line.what, line.detail, line.actor) == ("incident", f"{entry['code']} RuntimeError", str(WHO))
    assert not house.desk.sees(lambda tx: inbox.handled(tx, ("slack", "T0ALUMNI", "Ev-1")) is False)


async def test_even_a_broken_database_is_told(house: House) -> None:
    house.desk.does(lambda tx: tx.execute(sql("DROP TABLE journal")))
    with structlog.testing.capture_logs() as logged:
        outcome = await house.types("demo x")
    assert outcome.reply is not None
    assert outcome.reply.card.title == t("common.incident")
    assert [entry["event"] for entry in logged] == ["incident", "incident_not_kept"]
    assert outcome.actor is not None
    assert outcome.actor.locale == POLICY.locale


async def test_who_only_reads_writes_nothing(house: House) -> None:
    assert (await house.types("help write")).reply is not None
    assert "help.ran" not in {what for what, _ in house.lines()}


async def test_an_unknown_verb_is_answered_with_what_it_may_have_meant(house: House) -> None:
    outcome = await house.types("dmo <b>")
    assert outcome.reply is not None
    card = outcome.reply.card
    assert card.title == t("common.unknown_verb", words="dmo <b>")
    assert [block.text for block in card.body[1:]] == [t("common.did_you_mean", verb="demo")]  # type: ignore[union-attr]
    long = await house.types("y" * 500)
    assert long.reply is not None
    assert dict(long.reply.card.title.args)["words"] == "y" * 80  # type: ignore[union-attr]


@pytest.mark.parametrize("standing", [Standing.GUEST, Standing.STRANGER])
async def test_guests_and_strangers_get_nothing_done(house: House, standing: Standing) -> None:
    house.noted(standing)
    for outcome in (
        await house.types("demo x"),
        await house.presses(press(times=1)),
        await house.fills(rename("p_1"), name="x"),
    ):
        assert told(outcome) == t("common.members_only")
    at = house._at()
    home = await house.dispatcher.answer(HomeOpened(*at), Side.ALUMNI)
    assert told(home) == t("common.members_only")
    options = await house.dispatcher.answer(OptionsSought(*at, rename("p_1"), "who", "a"), Side.ALUMNI)
    assert options.options == ()
    assert house.lines() == []


async def test_the_refusal_names_the_way(house: House) -> None:
    house.noted()
    assert told(await house.presses(staff())) == t("common.other_side")
    assert told(await house.presses(staff(), side=Side.COMPANY)) == t("common.not_allowed")
    assert told(await house.presses(members())) == t("common.join_first")

    def tie(tx: Any) -> None:
        person = people.add(tx, "田中 愛子", member_from=now(tx).replace(year=2027))
        accounts.tie(tx, WHO, Side.ALUMNI, person, "code")

    house.desk.does(tie)
    assert told(await house.presses(members())) == t("common.not_yet")


@pytest.mark.parametrize(
    "claim",
    [
        Bound("demo.gone"), Bound("demo.press"), Bound("demo.press", (("times", "1"),)), Bound("", ()),
        Bound("demo.press", (("times", 1), ("x", 1))), Bound("demo.rename", (("person", 1),)),
    ],
)  # fmt: skip
async def test_a_forged_press_is_out_of_date(house: House, claim: Bound) -> None:
    assert told(await house.presses(claim)) == t("common.outdated")
    assert told(await house.fills(claim, name="x")) == t("common.outdated")
    at = house._at()
    sought = await house.dispatcher.answer(OptionsSought(*at, claim, "who", "a"), Side.ALUMNI)
    assert sought.options == ()
    assert house.lines() == []


async def test_a_form_is_opened_for_whom_it_is(house: House) -> None:
    for outcome in (await house.types("demo form"), await house.presses(rename(person="p_1"))):
        form = outcome.form
        assert form is not None
        assert form.submit == replace(rename(person="p_1"), opens_form=True)
        assert (form.title, form.button) == (t("demo.rename.title"), t("demo.rename.button"))
        assert form.intro == (Paragraph("p_1"),)
        assert [(f.name, f.value, f.hint) for f in form.fields] == [
            ("name", "aiko", t("demo.rename.name_hint")),
            ("who", "", ""),
        ]
        assert form.sensitive
    assert told(await house.presses(rename(person="p_2"))) == t("common.outdated")
    assert told(await house.fills(press(times=1))) == t("common.outdated"), "an action is no form"


async def test_wrong_fields_come_back_beside_the_question_and_write_nothing(house: House) -> None:
    outcome = await house.fills(rename("p_1"), name="too long")
    assert outcome.errors == {"name": t("common.field_too_long", limit=5, length=8)}
    assert outcome.reply is None
    taken = await house.fills(rename("p_1"), name="taken")
    assert taken.errors == {"name": t("demo.asked", what="taken")}
    assert house.lines() == []
    good = await house.fills(rename("p_1"), name="愛子")
    assert good.reply == Reply(Card("愛子"))
    assert house.lines() == [("demo.renamed", "愛子")]


async def test_a_double_click_is_one_press_and_a_corrected_form_is_none(house: House) -> None:
    await house.presses(press(times=1), twin="t")
    assert (await house.presses(press(times=1), twin="t")).reply is None
    house.desk.clock.passes(inbox.TWINS)
    assert (await house.presses(press(times=1), twin="t")).reply is not None
    assert len(house.lines()) == 2
    assert (await house.fills(rename("p_1"), twin="f", name="too long")).errors
    assert (await house.fills(rename("p_1"), twin="f", name="ok")).reply is not None


async def test_suggestions_are_cut_to_what_a_platform_takes(house: House) -> None:
    found = await house.dispatcher.answer(
        OptionsSought(*house._at(), rename("p_1"), "who", "Ａ 「b」"), Side.ALUMNI
    )
    assert len(found.options) == 100
    assert found.options[0].value == "A b0"
    none = await house.dispatcher.answer(OptionsSought(*house._at(), rename("p_1"), "name", "a"), Side.ALUMNI)
    assert none.options == ()


async def test_an_account_never_seen_is_said_to_be_and_then_met(house: House) -> None:
    assert (await house.types("help")).unmet
    await house.dispatcher.meet(HomeOpened(*house._at()), Side.ALUMNI)
    assert not (await house.types("help")).unmet
    home = await house.dispatcher.answer(HomeOpened(*house._at()), Side.ALUMNI)
    assert home.reply == Reply(Card("home"))


async def test_what_never_came_to_a_command_is_refused_in_the_persons_language(house: House) -> None:
    house.noted()
    outcome = await house.dispatcher.refuse(HomeOpened(*house._at()), Side.ALUMNI, "common.outdated")
    assert told(outcome) == t("common.outdated")
    assert outcome.actor is not None
    assert outcome.actor.locale == "en"


async def test_an_event_has_its_effect_once(house: House) -> None:
    event = MemberLeft(*house._at("Ev-left"))
    await house.dispatcher.drive(event, Side.ALUMNI)
    assert house.lines() == [], "nobody kept it"
    assert await house.dispatcher.keep(event, Side.ALUMNI)
    assert not await house.dispatcher.keep(event, Side.ALUMNI)
    for _ in range(3):
        await house.dispatcher.drive(event, Side.ALUMNI)
    assert house.lines() == [("demo.left", str(WHO))]


def test_incident_codes_can_be_read_out() -> None:
    codes = {new_incident() for _ in range(200)}
    assert len(codes) == 200
    assert all(len(code) == 6 and not set(code) & set("IO01L") for code in codes)
    assert TooOften("common.outdated").keeps is False
