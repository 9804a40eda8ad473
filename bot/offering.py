"""An opening as people read it and as HR does, who at the company may learn of an answer to it, and its end.

It makes the one card that channels, mails, lists and previews share.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from bot.conversation import (
    Address,
    Arg,
    Block,
    Button,
    Buttons,
    Card,
    Divider,
    Facts,
    Mention,
    Note,
    Option,
    Paragraph,
    Platform,
    Role,
    Text,
    Words,
    t,
)  # fmt: skip
from bot.places import PostedPlace, ToldPlace
from bot.policy import Policy
from bot.post import Letter, to_alumnus
from bot.registry import Context
from storage import accounts, interests, journal, matching, openings, referrals
from storage.accounts import Staff
from storage.answers import Step
from storage.consents import Purpose
from storage.engine import Tx
from storage.openings import CONDITIONS, Employment, Opening, Phase, Posting, Remote
from storage.referrals import Stand

SMALL = 5
"""Fewer people than this are never counted out: a number so small may name somebody."""
REASONS = {
    "not_in_channel": "not_in_channel",
    "channel_not_found": "channel_not_found",
    "is_archived": "is_archived",
    "is_inactive": "is_archived",
    "BotNotInConversationRoster": "not_in_team",
    "ConversationNotFound": "no_teams_channel",
    "no_way": "not_in_team",
    "no_channel": "no_channel",
    "no_app": "no_app",
}
"""Why a channel takes nothing, as far as we know what would mend it: the messenger's word -> ours."""
_STYLES = ("primary", "plain", "danger")


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody at the company who may learn of an interest: by which key, under which name they are shown."""

    key: str
    name: str


def title(row: Opening) -> Text:
    """Number and title: `求人 12：営業企画`."""
    return t("openings.name", number=str(row.id), title=row.title)


def line(row: Opening) -> Text:
    """Where, what and how, in one line."""
    found: list[Text] = [t("openings.word", word=word) for word in (row.department, row.place) if word]
    found.append(t(f"openings.employment.{row.employment.value}"))
    if row.remote is not Remote.NO:
        found.append(t(f"openings.remote.{row.remote.value}"))
    return joined(found)


def joined(words: Sequence[Text]) -> Text:
    """Some words, at least one, with a dot between: `営業部 · 東京`."""
    said = words[0]
    for one in words[1:]:
        said = t("openings.and", first=said, second=one)
    return said


def kinds() -> tuple[Option, ...]:
    """Every kind of employment, for a form to choose from."""
    return tuple(Option(kind.value, t(f"openings.employment.{kind.value}")) for kind in Employment)


def facts(row: Opening) -> Facts:
    """Everything that decides, the conditions of a return among it; what was not said is left out."""
    return Facts(tuple(_facts(row)))


def _facts(row: Opening) -> Iterator[tuple[Words, Words]]:
    for name in ("department", "place"):
        if value := getattr(row, name):
            yield t(f"openings.fact.{name}"), value
    yield t("openings.fact.remote"), t(f"openings.remote.{row.remote.value}")
    yield t("openings.fact.employment"), t(f"openings.employment.{row.employment.value}")
    for name in CONDITIONS:
        if value := getattr(row, name):
            yield t(f"openings.fact.{name}"), value
    yield t("openings.fact.closes_on"), t("openings.day", day=row.closes_on)


def card(row: Opening, *buttons: Button, more: tuple[Block, ...] = ()) -> Card:
    """The opening with buttons under it, `more` before them; a closed one says so and has none."""
    about: tuple[Block, ...] = (Paragraph(row.about),) if row.about else ()
    if row.state is Phase.CLOSED:
        return Card(title(row), (Paragraph(t("openings.closed")), facts(row)), t("openings.notice"))
    ways: tuple[Block, ...] = (Buttons(buttons),) if buttons else ()
    body = (*about, facts(row), *more, *ways, Note(t("openings.confidential")))
    return Card(title(row), body, t("openings.notice"))


def readers(tx: Tx, row: Opening) -> tuple[Reader, ...]:
    """Owner and deputy, as far as they still run the network; nobody else learns of an interest."""
    named = ((row.owner, row.owner_name), (row.deputy, row.deputy_name))
    return tuple(
        Reader(key, name) for key, name in dict(named).items() if key and accounts.staff_by_key(tx, key)
    )


def answer_by(policy: Policy, at: datetime) -> date:
    """The day until which somebody who comes now is answered."""
    return policy.calendar.business_days_after(policy.day(at), policy.answer_days)


# --- as HR sees it -----------------------------------------------------------------------------------------


def few(count: int) -> Text:
    """How many people, without telling of fewer than `SMALL` how few."""
    return t("post.few", most=SMALL) if count < SMALL else t("post.people", count=count)


def posted(ctx: Context, row: Opening, *more: Block) -> Card:
    """The opening as alumni see it, and under it whom it reaches, where it stands, and what HR can do now."""
    shown = tuple(block for block in card(row).body if not isinstance(block, Note))
    ways = sorted(ctx.offers(PostedPlace, row.id), key=lambda button: _STYLES.index(button.style))
    buttons: tuple[Block, ...] = (Buttons(tuple(ways)),) if ways else ()
    state = Paragraph(t(f"post.state.{row.state.value}"))
    body = (state, *more, Divider(), *shown, Divider(), Facts(tuple(_behind(ctx, row))), *buttons)
    return Card(title(row), body, t("decisions.notice"))


def _behind(ctx: Context, row: Opening) -> Iterator[tuple[Words, Words]]:
    """What alumni are not told: for whom it is, how many that are, who reads the answers, which channels."""
    if row.state is not Phase.CLOSED:
        yield t("post.fact.reach"), few(matching.reach(ctx.tx, row))
    for name in ("for_departments", "for_skills", "for_places"):
        if value := getattr(row, name):
            yield t(f"post.fact.{name}"), value
    if row.for_years:
        yield t("post.fact.for_years"), t("post.years", count=row.for_years)
    for role in ("owner", "deputy"):
        key, name = getattr(row, role), getattr(row, f"{role}_name")
        if key:
            yield t(f"post.fact.{role}"), t("post.reader", name=name, account=key)
    yield t("post.fact.referable"), t("post.referable" if row.referable else "post.not_referable")
    if row.opened_at is not None:
        yield from _standing(ctx, row)


def _standing(ctx: Context, row: Opening) -> Iterator[tuple[Words, Words]]:
    known = openings.postings_of(ctx.tx, row.id)
    over = row.state is Phase.CLOSED
    wanted = {channel for channel, one in known.items() if one.remote or not over}
    for channel in sorted(wanted if over else {*ctx.policy.channels, *wanted}):
        yield t("post.fact.channel", name=channel_name(channel)), _stands(row, known.get(channel))


def stuck(tx: Tx, row: Opening) -> bool:
    """Whether a channel should show it otherwise than it does, and did not take it."""
    over = row.state is Phase.CLOSED
    known = openings.postings_of(tx, row.id).values()
    return any(one.reason and (one.remote or not over) for one in known)


def channel_name(channel: str) -> str:
    """A channel as HR reads it: Slack's id opens it there, Teams' is no word for anybody."""
    address = Address.parse(channel)
    return "Teams" if address.platform is Platform.TEAMS else address.user


def _stands(row: Opening, posting: Posting | None) -> Text:
    """Where it stands in one channel, or why not and what would mend it."""
    if posting is None or posting.dedup or (posting.edition < row.edition and not posting.reason):
        return t("post.stands.waiting")
    return mending(posting.reason) if posting.reason else t("post.stands.there")


def mending(reason: str) -> Text:
    """Why a channel takes nothing, with the fix in words."""
    return t(f"post.stuck.{REASONS[reason]}") if reason in REASONS else t("post.stuck.other", reason=reason)


def subject(row: Opening) -> str:
    """Under which name the journal tells of an opening."""
    return f"opening:{row.id}"


def note(ctx: Context, row: Opening, what: str) -> None:
    """The journal tells that the actor did this to it."""
    journal.write(ctx.tx, what, subject(row), actor=str(ctx.actor.address))


def mine(ctx: Context, row: Opening) -> bool:
    """Whether the actor may see it as the company does: HR any, a manager what they wrote."""
    return ctx.actor.has(Role.HR) or row.made_by in accounts.selves(ctx.tx, ctx.actor.address)


def who(tx: Tx, by: str) -> Arg:
    """Somebody of the company, kept as an address, as a reader knows them."""
    address = Address.parse(by) if ":" in by else None
    known = accounts.acting_from(tx, address) if address else []
    email = known[0].email if known else ""
    if address is not None and address.platform is not Platform.WEB:
        return Mention(address, email)
    return email or t("policy.by_former")


def others(ctx: Context) -> list[Staff]:
    """Whoever runs the network, but not the actor."""
    selves = accounts.selves(ctx.tx, ctx.actor.address)
    rows = accounts.staff(ctx.tx)
    return [row for row in rows if not selves & {row.address, str(accounts.web_staff(ctx.tx, row))}]


def told(ctx: Context, row: Opening, words: Text, *more: Block) -> Card:
    """A message to the company about an opening, with the way to it."""
    ways = ctx.offers(ToldPlace, row.id)
    return Card(title(row), (Paragraph(words), *more, Buttons(ways)), t("decisions.notice"))


def wrong_day(policy: Policy, today: date, closes_on: date | None) -> Text | None:
    """What would be right, if an opening cannot be open until this day; nothing if it can."""
    last = today + timedelta(days=policy.opening_lasts_days)
    if closes_on is None:
        return t("common.field_required")
    if closes_on <= today:
        return t("post.too_early", day=today + timedelta(days=1), last=last)
    return t("post.too_late", last=last) if closes_on > last else None


# --- its end -----------------------------------------------------------------------------------------------


def close(tx: Tx, row: Opening, *ways: Button) -> None:
    """Nobody can answer any more, and who came to it is thanked; `ways` lead to what is theirs.

    Raises `Conflict` when it is not open. The words are neutral: a preview on a screen tells nobody who
    raised a hand. Without consent for openings nothing is sent (`outbox.put`).
    """
    openings.close(tx, row)
    thanks, thanked = _thanks(*ways), set()
    for one in interests.everyone(tx, row.id):
        if one.step is not Step.CLOSED:
            letter = Letter(f"{interests.KIND}.over", thanks, f"{interests.mark(one)}over", Purpose.OPENINGS)
            thanked |= {one.person_id} if to_alumnus(tx, one.person_id, letter) else set()
    for person_id in sorted(_referrers(tx, row) - thanked):
        to_alumnus(tx, person_id, Letter("openings.word", thanks, f"over:{row.id}", Purpose.OPENINGS))


def _referrers(tx: Tx, row: Opening) -> set[str]:
    """Who named somebody of whom it is still open what comes of it. A candidate is told by the one who
    answers them: nothing is mailed that they did not ask for."""
    rows = referrals.of_opening(tx, row.id)
    waits = (one for one in rows if referrals.told(tx, one) is not Stand.OVER)  # a no looks like silence
    return {one.referrer_id for one in waits if one.referrer_id}


def _thanks(*ways: Button) -> Card:
    buttons: tuple[Block, ...] = (Buttons(ways),) if ways else ()
    return Card(t("post.thanks"), (Paragraph(t("post.thanks_text")), *buttons), t("openings.notice"))
