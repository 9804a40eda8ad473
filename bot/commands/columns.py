"""columns: under which headers HR's files of leavers name what; used from the moment it is saved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot import rulebook
from bot.conversation import Answer, Button, Buttons, Card, Facts, Option, Paragraph, Reply, Role, Side, t
from bot.errors import InvalidForm, NotFound
from bot.fields import search, text
from bot.places import DecidedPlace, PolicyPlace
from bot.registry import Context, Feature

feature = Feature(__name__)
HR = (Role.HR,)
_BETWEEN = re.compile(r"[,、，\n]+")


@dataclass(frozen=True)
class Picked:
    """One of our fields."""

    column: str = search()


@dataclass(frozen=True)
class Headers:
    """Under which headers a field stands in HR's files."""

    headers: str = text(long=True, required=False)


@feature.form(Picked, Side.COMPANY, roles=HR, reads=True)
def pick(ctx: Context, form: Picked) -> Answer:
    """Which field's headers are to be changed."""
    return change(name=form.column, base=rulebook.of(ctx.tx).version)


@pick.suggests("column")
def fields_named(ctx: Context, query: str) -> tuple[Option, ...]:
    """Our fields by their name in the reader's language, or by one of their headers."""
    texts, wanted = rulebook.of(ctx.tx).ground.texts, query.casefold()
    labels = {name: t(f"feed.column.{name}") for name in _headers(ctx)}
    return tuple(
        Option(name, label)
        for name, label in labels.items()
        if wanted in " ".join((texts.plain(label, ctx.actor.locale), *_headers(ctx)[name])).casefold()
    )


@pick.offered_on(PolicyPlace)
def on_overview(ctx: Context) -> Button | None:
    """Beside the other things that HR decides."""
    return Button(t("columns.button"), pick())


@feature.form(Headers, Side.COMPANY, roles=HR)
def change(ctx: Context, form: Headers, name: str, base: int) -> Answer:
    """The headers of one field; none: ours again. Raises `InvalidForm` or `Conflict`."""
    book = rulebook.edited(ctx.tx, base)
    typed = [header.strip() for header in _BETWEEN.split(form.headers) if header.strip()]
    own = {field: given for field, given in book.charter.mapping.get("columns", {}).items() if field != name}
    table = {**book.charter.mapping, "columns": {**own, **({name: typed} if typed else {})}}
    wrong = list(book.ground.columns.mistakes(table))
    if wrong:
        raise InvalidForm({"headers": t("policy.right.mapping", told=wrong[0])})
    kept = {kind: given for kind, given in table.items() if given}
    book.save(ctx.tx, replace(book.charter, mapping=kept), base, str(ctx.actor.address))
    rows = ((t(f"feed.column.{name}"), ", ".join(book.ground.columns.headers(kept)[name])),)
    body = (Facts(rows), Paragraph(t("columns.from_now_on")), Buttons(ctx.offers(DecidedPlace)))
    return Reply(Card(t("columns.saved"), body, t("common.notice")))


@change.prepare
def headers_now(ctx: Context, name: str, base: int) -> Headers:
    """As they are in force. Raises `NotFound` for a field that we do not know."""
    if name not in _headers(ctx):
        raise NotFound("common.outdated")
    return Headers(", ".join(_headers(ctx)[name]))


@change.intro
def named(ctx: Context, name: str, base: int) -> Card:
    """Whose headers they are, and how they are told."""
    why = t("columns.why", field=t(f"feed.column.{name}"))
    return Card(t("columns.change.title"), (Paragraph(why),))


def _headers(ctx: Context) -> Mapping[str, tuple[str, ...]]:
    book = rulebook.of(ctx.tx)
    return book.ground.columns.headers(book.charter.mapping)
