"""help: what *you* may do *here*, and the bot's home."""

from __future__ import annotations

from bot.conversation import (
    Answer,
    Block,
    Button,
    Buttons,
    Card,
    Divider,
    Entry,
    Note,
    Paragraph,
    Reply,
    Side,
    Text,
    t,
)
from bot.places import HomePlace
from bot.registry import Command, Context, Feature
from storage import people

feature = Feature(__name__)


@feature.command(reads=True, shortcut=True)
def help(ctx: Context, argument: str) -> Answer:  # noqa: A001 - the verb's own name
    """Every verb the actor may use, with an example, and the buttons of the home: not every chat has one."""
    return Reply(Card(t("help.title"), _told(ctx), t("common.notice")))


def _told(ctx: Context) -> tuple[Block, ...]:
    buttons = tuple(button for button in ctx.offers(HomePlace) if button.press != show())
    row: tuple[Block, ...] = (Buttons(buttons),) if buttons else ()
    return (*_state(ctx), *row, Divider(), *_verbs(ctx), Note(t("help.private")))


def _verbs(ctx: Context) -> tuple[Block, ...]:
    wanted = (
        c for c in ctx.registry.commands.values() if ctx.may(c) and not any(map(ctx.actor.has, c.until))
    )
    return tuple(Entry(_usage(c), t(f"{c.key}.summary")) for c in wanted)


def _usage(command: Command) -> Text:
    return t(f"{command.key}.usage")


def _state(ctx: Context) -> tuple[Block, ...]:
    """One sentence on where the actor stands, when that explains what is missing from the list."""
    if ctx.actor.side is Side.COMPANY:
        return (Paragraph(t("help.company", network=ctx.policy.brand.network)),)
    if ctx.actor.person_id is None:
        return (Paragraph(t("help.not_joined")),)
    person = people.get(ctx.tx, ctx.actor.person_id)
    if person is not None and not people.is_member(person, ctx.now) and person.member_from:
        return (Paragraph(t("help.from", day=ctx.policy.day(person.member_from))),)
    return (Paragraph(t("help.member")),)


@feature.homepage
def home(ctx: Context) -> Card:
    """The home of the bot: a greeting, what can be done with one press, and the verbs."""
    return Card(t("help.home_title", network=ctx.policy.brand.network), _told(ctx), t("common.notice"))


@feature.action(reads=True)
def show(ctx: Context) -> Answer:
    """The list of verbs, from a button."""
    return help(ctx, "")


@show.offered_on(HomePlace)
def on_home(ctx: Context) -> Button | None:
    """A welcome and the home carry a way to the list."""
    return Button(t("help.button"), show())
