"""openings: find an opening and read why it suits; `mine` is what I answered, and for the company who waits.

What somebody looks through is written down nowhere: a filter lives in the buttons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bot import offering
from bot.conversation import (
    Answer,
    Block,
    Button,
    Buttons,
    Card,
    Entry,
    Field,
    Note,
    Paragraph,
    Reply,
    Role,
    Side,
    Text,
    Words,
    t,
)  # fmt: skip
from bot.errors import NotFound
from bot.fields import choices, text, tick
from bot.matching import Match, Reason, Seeker, Sift, Sought, match, passes, sought
from bot.places import (
    AnswerPlace,
    HomePlace,
    OpeningPlace,
    OpeningsPlace,
    OwnInterestPlace,
    OwnReferralPlace,
    ThankedPlace,
)
from bot.registry import Context, Feature
from storage import accounts, interests, matching, referrals
from storage import openings as stored
from storage.answers import Step
from storage.interests import Interest
from storage.openings import Employment, Opening, Phase

feature = Feature(__name__)
ALUMNI = (Role.ALUMNUS,)
SIZE = 5
KINDS = tuple(kind.value for kind in Employment)
REMOTE = "remote"
Found = tuple[Opening, Match]


# --- looking through them -----------------------------------------------------------------------------------


@feature.command(Side.ALUMNI, roles=ALUMNI, short="/jobs", reads=True)
def openings(ctx: Context, argument: str) -> Answer:
    """What is open, what suits best first; with words only what has them; with a number that opening."""
    if argument.isdecimal():
        return Reply(_one(ctx, int(argument[:15])))
    return Reply(_list(ctx, Sift(words=argument[:100]), 1))


@feature.action(Side.ALUMNI, roles=ALUMNI, reads=True)
def browse(ctx: Context) -> Answer:
    """The same, from a button."""
    return Reply(_list(ctx, Sift(), 1))


@browse.offered_on(HomePlace)
def on_home(ctx: Context) -> Button | None:
    """For members."""
    return Button(t("openings.button"), browse()) if _member(ctx) else None


def _member(ctx: Context) -> bool:
    return ctx.actor.side is Side.ALUMNI and ctx.actor.has(Role.ALUMNUS)


@feature.action(Side.ALUMNI, roles=ALUMNI, reads=True)
def turn(ctx: Context, words: str, place: str, kinds: str, page: int) -> Answer:
    """Another page of the same look."""
    return Reply(_list(ctx, _sift(words, place, kinds), page), replaces=True)


def _sift(words: str, place: str, kinds: str) -> Sift:
    """From a button; what no form of ours made is cut short or left out."""
    named = kinds.split(",")
    return Sift(words[:100], place[:60], tuple(kind for kind in KINDS if kind in named), REMOTE in named)


def _carried(sift: Sift) -> tuple[str, str, str]:
    kinds = (*sift.employments, *((REMOTE,) if sift.remote else ()))
    return sift.words, sift.place, ",".join(kinds)


def _found(ctx: Context, sift: Sift) -> list[Found]:
    """What is open and passes: what suits best, then the newest."""
    day = ctx.policy.day(ctx.now)
    rows = ((row, matching.says(row, day)) for row in stored.open_ones(ctx.tx, day))
    one = matching.seeker(ctx.tx, _me(ctx))
    found = [(row, _suits(sought(says), one)) for row, says in rows if passes(says, sift)]
    return sorted(found, key=lambda pair: -pair[1].score)


def _suits(opening: Sought, one: Seeker | None) -> Match:
    return match(opening, one) if one is not None else Match(fits=False)


def _list(ctx: Context, sift: Sift, page: int) -> Card:
    found = _found(ctx, sift)
    pages = max(1, -(-len(found) // SIZE))
    page = max(1, min(page, pages))
    shown = found[(page - 1) * SIZE : page * SIZE]
    entries = tuple(_entry(row, suits) for row, suits in shown)
    nothing = Paragraph(t("openings.none_such" if sift != Sift() else "openings.none"))
    turns = [Button(t(f"common.{word}"), turn(*_carried(sift), to))
             for word, to in (("previous", page - 1), ("next", page + 1)) if 1 <= to <= pages]  # fmt: skip
    body = (
        *((Paragraph(t("openings.sifted", what=_what(sift))),) if sift != Sift() else ()),
        *(entries or (nothing,)),
        *((Buttons(tuple(turns)),) if turns else ()),
        Buttons(tuple(_ways(ctx, sift))),
        Note(t("openings.unstored")),
    )
    title = t("openings.title_page", page=page, pages=pages) if pages > 1 else t("openings.title")
    return Card(title, body, t("common.notice"))


def _entry(row: Opening, suits: Match) -> Entry:
    line, day = offering.line(row), row.closes_on
    detail = t("openings.entry", line=line, day=day)
    if suits.reasons:
        detail = t("openings.entry_because", line=line, day=day, because=because(suits))
    return Entry(offering.title(row), detail, Button(t("openings.see"), show(opening=row.id)))


def because(suits: Match) -> Text:
    """Why an opening suits, in its two weightiest reasons."""
    first, *rest = (_reason(reason) for reason in suits.reasons[:2])
    return t("openings.both", first=first, second=rest[0]) if rest else first


def _reason(reason: Reason) -> Text:
    key, word = reason
    if key == "remote":
        return t("openings.because.remote")
    said: Words = t(f"openings.employment.{word}") if key == "employment" else word
    return t(f"openings.because.{key}", word=said)


def _what(sift: Sift) -> Text:
    """A filter in words."""
    found = [t("openings.word", word=word) for word in (sift.words, sift.place) if word]
    found += [t(f"openings.employment.{kind}") for kind in sift.employments]
    found += [t("openings.by_remote")] if sift.remote else []
    return offering.joined(found)


def _ways(ctx: Context, sift: Sift) -> Iterator[Button]:
    yield Button(t("openings.sift_button"), narrow(*_carried(sift)))
    if sift != Sift():
        yield Button(t("openings.all_button"), turn(*_carried(Sift()), 1))
    yield from ctx.offers(OpeningsPlace)
    yield Button(t("openings.mine_button"), own())


@dataclass(frozen=True)
class Wanting:
    """What to look for at this moment."""

    keywords: str = text(required=False, limit=100)
    place: str = text(required=False, limit=60)
    employments: tuple[str, ...] = choices()
    remote: bool = tick()


@feature.form(Wanting, Side.ALUMNI, roles=ALUMNI, reads=True)
def narrow(ctx: Context, form: Wanting, words: str, place: str, kinds: str) -> Answer:
    """Only what is like this."""
    wanted = tuple(kind for kind in KINDS if kind in form.employments)
    return Reply(_list(ctx, Sift(form.keywords, form.place, wanted, form.remote), 1), replaces=True)


@narrow.prepare
def as_it_is(ctx: Context, words: str, place: str, kinds: str) -> Wanting:
    """As it is now."""
    sift = _sift(words, place, kinds)
    return Wanting(sift.words, sift.place, sift.employments, sift.remote)


@narrow.shaped
def with_kinds(
    ctx: Context, shown: tuple[Field, ...], words: str, place: str, kinds: str
) -> tuple[Field, ...]:
    """With the kinds of employment to choose from."""
    return tuple(
        replace(one, options=offering.kinds()) if one.name == "employments" else one for one in shown
    )


# --- one of them --------------------------------------------------------------------------------------------


@feature.action(Side.ALUMNI, roles=ALUMNI, reads=True)
def show(ctx: Context, opening: int) -> Answer:
    """One opening, why it suits, and what can be done about it."""
    return Reply(_one(ctx, opening))


def _one(ctx: Context, number: int) -> Card:
    """A draft is told like what never was."""
    row = stored.get(ctx.tx, number)
    if row is None or row.state in (Phase.DRAFT, Phase.PROPOSED):
        raise NotFound("openings.gone")
    back = Button(t("openings.back_button"), browse())
    day = ctx.policy.day(ctx.now)
    if not stored.is_open(row, day):
        body = (Paragraph(t("openings.closed")), offering.facts(row), Buttons((back,)))
        return Card(offering.title(row), body, t("openings.notice"))
    one = matching.seeker(ctx.tx, _me(ctx))
    suits = _suits(matching.sought(row, day), one)
    more = (Paragraph(t("openings.suits", because=because(suits))),) if suits.reasons else ()
    return offering.card(row, *ctx.offers(OpeningPlace, row.id), back, more=more)


def _me(ctx: Context) -> str:
    if ctx.actor.person_id is None:
        raise NotFound("common.join_first")
    return ctx.actor.person_id


# --- by the clock: what is new and suits --------------------------------------------------------------------


def suiting(found: Sequence[Found], *ways: Button) -> Card:
    """To an alumnus: openings that suit, each with the reason, and the way to change what is told."""
    entries = tuple(_entry(row, suits) for row, suits in found)
    body: tuple[Block, ...] = (
        Paragraph(t("openings.news_text")),
        *entries,
        Buttons(ways),
        Note(t("openings.news_note")),
    )
    return Card(t("openings.news_title", count=len(found)), body, t("openings.notice"))


# --- mine ---------------------------------------------------------------------------------------------------


@feature.command(roles=(Role.ALUMNUS, Role.HR), reads=True)
def mine(ctx: Context, argument: str) -> Answer:
    """Alumni: what I answered and whom I introduced. The company: who waits for me."""
    return Reply(_for_me(ctx))


@feature.action(roles=(Role.ALUMNUS, Role.HR), reads=True)
def own(ctx: Context) -> Answer:
    """The same, from a button."""
    return Reply(_for_me(ctx))


@own.offered_on(ThankedPlace)
def on_thanks(ctx: Context) -> Button:
    """Where somebody learns that an opening closed."""
    return Button(t("openings.mine_button"), own())


def _for_me(ctx: Context) -> Card:
    there = ctx.actor.side is Side.ALUMNI
    found: tuple[Block, ...] = tuple(_my_own(ctx) if there else _my_answers(ctx))
    nothing = Paragraph(t("openings.mine_none" if there else "openings.answers_none"))
    note = Note(t("openings.mine_note" if there else "openings.answers_note"))
    title = t("openings.mine_title" if there else "openings.answers_title")
    return Card(title, (*(found or (nothing,)), note), t("common.notice"), sensitive=True)


def _my_own(ctx: Context) -> Iterator[Block]:
    for row in interests.all_of(ctx.tx, _me(ctx))[:20]:
        yield _line(ctx, row.opening_id, _state(row), ctx.offers(OwnInterestPlace, row.id))
    for referral in referrals.by_referrer(ctx.tx, _me(ctx))[:20]:
        state = t(f"refer.stand.{referrals.told(ctx.tx, referral).value}")
        said = t("openings.mine_referral", day=ctx.policy.day(referral.made_at), state=state)
        yield _line(ctx, referral.opening_id, said, ctx.offers(OwnReferralPlace, referral.id))


def _line(ctx: Context, number: int, state: Text, ways: tuple[Button, ...]) -> Entry:
    row = stored.get(ctx.tx, number)
    name: Words = offering.title(row) if row is not None else t("openings.former", number=str(number))
    return Entry(name, state, ways[0] if ways else None)


def _state(row: Interest) -> Text:
    """In short; the whole stands behind the button."""
    if row.told_at is None or row.answer_by is None:
        return t("openings.hand.resting", at=row.tells_at)
    if row.step is Step.WAITING:
        key = "openings.hand.waiting" if row.late_at is None else "openings.hand.late"
        return t(key, at=row.told_at, day=row.answer_by)
    return t(f"openings.hand.{row.step.value}")


def _my_answers(ctx: Context) -> Iterator[Block]:
    """The openings that I answer for, each with how many of whom I may know wait."""
    keys = accounts.keys_of(ctx.tx, ctx.actor.address)
    rows = {row.id: row for row in stored.answered_by(ctx.tx, keys)}
    for interest in interests.waiting(ctx.tx, keys):  # also of who handed the opening on since
        if (row := stored.get(ctx.tx, interest.opening_id)) is not None:
            rows.setdefault(row.id, row)
    for row in list(rows.values())[:20]:
        ways = ctx.offers(AnswerPlace, row.id)
        yield Entry(offering.title(row), t("openings.waits", count=_waiting(ctx, row, keys)))
        if ways:
            yield Buttons(ways)


def _waiting(ctx: Context, row: Opening, keys: frozenset[str]) -> int:
    hands = sum(one.step is Step.WAITING for one in interests.seen_by(ctx.tx, row.id, keys))
    if not keys & {row.owner, row.deputy}:
        return hands
    return hands + sum(one.step is Step.WAITING for one in referrals.agreed(ctx.tx, row.id))
