"""Registering: a Bound only by calling, forged arguments refused, one name for one thing, old names kept."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from bot import registry as room
from bot.conversation import (
    Actor,
    Address,
    Answer,
    Bound,
    Button,
    Card,
    Conversation,
    Field,
    MemberLeft,
    Platform,
    Role,
    Side,
)
from bot.errors import BadUsage
from bot.fields import text
from bot.registry import Action, Context, Feature, FormAction, Registry, discover
from tests.desk import POLICY, Desk


class Place:
    """Where buttons of others hang."""


@dataclass(frozen=True)
class Name:
    """A form of one question."""

    name: str = text()


def feature(
    module: str = "bot.commands.demo", *, home: bool = True
) -> tuple[Feature, Action[...], FormAction[..., Name]]:
    made = Feature(module)

    @made.action(Side.COMPANY, roles=(Role.HR,), reads=True, formerly="demo.see")
    def show(ctx: Context, person: str, page: int, more: bool) -> Answer:
        return None

    @made.form(Name)
    def rename(ctx: Context, form: Name, person: str) -> Answer:
        return None

    def button(ctx: Context, person: str) -> Button | None:
        return Button("x", rename(person=person)) if person else None

    rename.offered_on(Place)(button)
    if home:
        made.homepage(lambda ctx: Card("home"))
    return made, show, rename


def context(desk: Desk, registry: Registry, actor: Actor) -> Context:
    with desk.transaction() as tx:
        return Context(tx, actor, desk.clock.now(), POLICY, registry, Conversation("T1", "D1"))


ACTOR = Actor(Address(Platform.SLACK, "T1", "U1"), Side.COMPANY, frozenset({Role.OWNER}))


def test_calling_an_action_binds_its_arguments_in_their_order() -> None:
    _, show, rename = feature()
    bound = show(more=True, person="p_1", page=2)
    assert (
        bound == show("p_1", 2, True) == Bound("demo.show", (("person", "p_1"), ("page", 2), ("more", True)))
    )
    assert rename(person="p_1") == Bound("demo.rename", (("person", "p_1"),), opens_form=True)
    for wrong in (("p_1",), ("p_1", 2, True, "x")):
        with pytest.raises((KeyError, ValueError)):
            show(*wrong)


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"person": "p_1", "page": 2},
        {"person": "p_1", "page": 2, "more": True, "admin": True},
        {"person": 1, "page": 2, "more": True},
        {"person": "p_1", "page": "2", "more": True},
        {"person": "p_1", "page": True, "more": True},
        {"person": "p_1", "page": 2, "more": 1},
        {"person": None, "page": 2, "more": True},
        {"person": "p_1", "page": 2**63, "more": True},
    ],
)
def test_forged_arguments_are_out_of_date(args: dict[str, object]) -> None:
    _, show, _ = feature()
    with pytest.raises(BadUsage):
        show.handler.check(Bound("demo.show", tuple(args.items())))  # type: ignore[arg-type]
    good = {"person": "p_1", "page": 2, "more": True}
    assert show.handler.check(Bound("demo.show", tuple(reversed(good.items())))) == good


def test_a_name_is_registered_once() -> None:
    first, _, _ = feature()
    second, _, _ = feature("other.demo", home=False)
    with pytest.raises(ValueError, match="registered twice"):
        Registry.of([first, second])
    third = Feature("bot.commands.third")

    @third.action(formerly="demo.show")
    def older(ctx: Context) -> Answer:
        return None

    with pytest.raises(ValueError, match=r"'demo.show' is registered twice"):
        Registry.of([first, third])


def test_two_short_forms_or_homes_are_refused() -> None:
    first, _, _ = feature()
    other = Feature("bot.commands.other")
    other.homepage(lambda ctx: Card("home"))
    with pytest.raises(ValueError, match="one feature makes the home"):
        Registry.of([first, other])
    with pytest.raises(ValueError, match="one feature makes the home, not 0"):
        Registry.of([])
    for name in ("one", "two"):
        made = Feature(f"bot.commands.{name}")
        made.command(short="/jobs")(_named(name))
        first.commands += made.commands
    with pytest.raises(ValueError, match="/jobs"):
        Registry.of([first])


def _named(name: str):  # type: ignore[no-untyped-def]
    def run(ctx: Context, argument: str) -> Answer:
        return None

    run.__name__ = name
    return run


def test_an_old_name_leads_to_the_action() -> None:
    made, show, _ = feature()
    registry = Registry.of([made])
    assert registry.handler("demo.see") is registry.handler("demo.show") is show.handler
    with pytest.raises(BadUsage):
        registry.handler("demo.gone")


def test_a_command_is_named_by_its_file_and_function() -> None:
    made = Feature("bot.commands.leavers")
    made.command(Side.COMPANY, roles=(Role.HR,), reads=True)(_named("leavers"))
    made.command()(_named("add"))
    whole, part = made.commands
    assert (whole.name, whole.key, whole.sides, whole.reads) == ("leavers", "leavers", {Side.COMPANY}, True)
    assert (part.name, part.key, part.sides, part.reads) == ("leavers add", "leavers.add", set(Side), False)


def test_offers_are_made_for_who_looks(desk: Desk) -> None:
    made, _, rename = feature()
    registry = Registry.of([made])
    ctx = context(desk, registry, ACTOR)
    assert ctx.offers(Place, "p_1") == (Button("x", rename(person="p_1")),)
    assert ctx.offers(Place, "") == ()
    assert ctx.offers(Name) == ()


@pytest.mark.parametrize(
    ("side", "roles", "may"),
    [
        (Side.COMPANY, {Role.HR}, True),
        (Side.COMPANY, {Role.OWNER}, True),
        (Side.COMPANY, {Role.EMPLOYEE}, False),
        (Side.COMPANY, set(), False),
        (Side.ALUMNI, {Role.HR}, False),
    ],
)
def test_who_may(desk: Desk, side: Side, roles: set[Role], may: bool) -> None:
    made, show, rename = feature()
    ctx = context(desk, Registry.of([made]), Actor(ACTOR.address, side, frozenset(roles)))
    assert ctx.may(show.handler) is may
    assert ctx.may(rename.handler)


def test_events_reach_who_listens() -> None:
    made, _, _ = feature()
    seen: list[MemberLeft] = []
    made.on(MemberLeft)(lambda ctx, event: seen.append(event))
    registry = Registry.of([made])
    event = MemberLeft(ACTOR.address, Conversation("T1", ""), "Ev1")
    assert len(list(registry.on(event))) == 1
    assert registry.events.keys() == {MemberLeft}


def test_the_house_is_discovered_and_closed() -> None:
    registry = discover("bot.commands")
    assert {"find", "help", "join", "leavers", "leavers add", "profile", "stop"} <= registry.commands.keys()
    assert all(name.count(".") == 1 for name in registry.handlers)
    with pytest.raises(AttributeError):
        registry.commands = {}  # type: ignore[misc]
    assert room.discover("bot.commands").handlers.keys() == registry.handlers.keys()


def test_a_form_is_shaped_for_whom_it_opens(desk: Desk) -> None:
    """Choices that only storage knows are put in, a question answered before is left out."""
    made = Feature("bot.commands.demo")

    @made.form(Name, Side.ALUMNI)
    def rename(ctx: Context, form: Name, person: str) -> Answer:
        return None

    @rename.shaped
    def fewer(ctx: Context, shown: tuple[Field, ...], person: str) -> tuple[Field, ...]:
        return () if person == "p_1" else shown

    made.homepage(lambda ctx: Card("home"))
    who = Address(Platform.WEB, "alumni", "p_1")
    with desk.transaction() as tx:
        actor, place = Actor(who, Side.ALUMNI), Conversation("alumni", "x")
        ctx = Context(tx, actor, desk.clock.now(), POLICY, Registry.of([made]), place)
        shape = rename.handler.shape
        assert shape is not None
        asked = (Field("name", "text", "x"),)
        assert shape(ctx, asked, person="p_1") == ()
        assert shape(ctx, asked, person="p_2") == asked
