"""policy: what HR decides about the network, without a shell: brand, invitation link, rhythm, closed days; in
versions, with a way back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from bot import charter, document, rulebook
from bot.charter import Charter
from bot.conversation import (
    Address,
    Answer,
    Arg,
    Block,
    Bound,
    Button,
    Buttons,
    Card,
    Entry,
    Facts,
    Mention,
    Note,
    Paragraph,
    Platform,
    Reply,
    Role,
    Side,
    Text,
    Words,
    t,
)  # fmt: skip
from bot.errors import BadUsage, Conflict, InvalidForm, NotFound
from bot.fields import choice, day, email, text
from bot.phrasing import Mistake
from bot.places import DecidedPlace, HomePlace, PolicyPlace
from bot.policy import Policy
from bot.registry import Context, Feature
from bot.rulebook import Rulebook
from bot.ruling import APPROVAL, ENROL_ON
from storage import accounts
from storage import policy as policies
from storage.policy import PolicyVersion

feature = Feature(__name__)
HR = (Role.HR,)
SHOWN = 12


@feature.command(Side.COMPANY, roles=HR, reads=True)
def policy(ctx: Context, argument: str) -> Answer:
    """What is in force, since when and by whom, what of it differs from the default, and the ways to change
    it."""
    book = rulebook.of(ctx.tx)
    return Reply(_overview(ctx, book.charter, policies.get(ctx.tx, book.version)))


def _overview(ctx: Context, shown: Charter, row: PolicyVersion | None) -> Card:
    sections = (Button(t(f"policy.change.{name}"), edit(name)) for name in FORMS)
    past = (Button(t("policy.to_history"), history(1)),) if row else ()
    body = (
        Paragraph(_saved_line(ctx, row)),
        *_differences(ctx, shown),
        Buttons((*sections, *ctx.offers(PolicyPlace), *past)),
        Note(t("policy.at_once")),
    )
    return Card(t("policy.title"), body, t("common.notice"))


def _saved_line(ctx: Context, row: PolicyVersion | None) -> Text:
    if row is None:
        return t("policy.never_saved")
    return t("policy.saved_line", number=row.version, at=row.at, by=_who(ctx, row.by))


def _who(ctx: Context, by: str) -> Arg:
    """Who saved a version, as a reader knows them."""
    if ":" not in by:
        return t("policy.by_command_line")
    address = Address.parse(by)
    member = next(iter(accounts.acting_from(ctx.tx, address)), None)
    email = member.email if member else ""
    if address.platform is not Platform.WEB:
        return Mention(address, email)
    return email or t("policy.by_former")


def _differences(ctx: Context, shown: Charter) -> tuple[Block, ...]:
    """What differs from the settings and catalogues: values, columns, and how many sentences."""
    ground = rulebook.of(ctx.tx).ground
    rows: list[tuple[Words, Words]] = [
        (t(document.label(rule, ground.texts)), _shown(rule.get(shown.policy)))
        for rule in charter.differs(shown, ground)
    ]
    for name, headers in shown.mapping.get("columns", {}).items():
        rows.append((t("policy.column_of", field=t(f"feed.column.{name}")), ", ".join(headers)))
    said: tuple[Block, ...] = (
        (Paragraph(t("policy.sentences", count=len(shown.wording))),) if shown.wording else ()
    )
    told = (Paragraph(t("policy.differs")), Facts(tuple(rows))) if rows else ()
    return (*told, *said) or (Paragraph(t("policy.all_default")),)


def _shown(value: object) -> Words:
    if value in ENROL_ON:
        return t(f"policy.cadence.enrol_on.{value}")
    if value in APPROVAL:
        return t(f"policy.openings.approval.{value}")
    told = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return told or t("policy.none")


@feature.action(Side.COMPANY, roles=HR, reads=True)
def overview(ctx: Context) -> Answer:
    """The same, from a button."""
    return policy(ctx, "")


@overview.offered_on(HomePlace)
def on_home(ctx: Context) -> Button | None:
    """HR finds it on the home."""
    here = ctx.actor.side is Side.COMPANY and ctx.actor.has(Role.HR)
    return Button(t("policy.button"), overview()) if here else None


@overview.offered_on(DecidedPlace)
def on_decided(ctx: Context) -> Button | None:
    """The way back after something was changed."""
    return Button(t("policy.button"), overview())


# --- values ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Brand:
    """Who runs the network."""

    network: str = text(limit=80)
    company: str = text(limit=80)
    contact_name: str = text(limit=80)
    contact_email: str = email()
    logo_url: str = text(required=False, limit=2000)
    terms_url: str = text(required=False, limit=2000)


@dataclass(frozen=True)
class Invitation:
    """The way into the alumni workspace."""

    url: str = text(required=False, limit=2000)
    expires: date | None = day(required=False)


@dataclass(frozen=True)
class Cadence:
    """Days and hours; numbers as they are typed."""

    ask_before_working_day: str = text(limit=4)
    ask_before_last_day: str = text(limit=4)
    ask_at: str = text(limit=5)
    remind_business_days: str = text(limit=4)
    later_months: str = text(limit=4)
    unanswered_days: str = text(limit=4)
    invitation_lasts_days: str = text(limit=4)
    checkin_after_days: str = text(limit=4)
    nudge_after_days: str = text(limit=4)
    checkin_opens: str = text(limit=5)
    checkin_closes: str = text(limit=5)
    enrol_on: str = choice(*ENROL_ON)
    enrol_at: str = text(limit=5)


@dataclass(frozen=True)
class Closed:
    """When the company does not work."""

    country: str = text(required=False, limit=2)
    closures: str = text(long=True, required=False, limit=2500)


@dataclass(frozen=True)
class Openings:
    """How openings are approved, how long they stand, how soon people are answered."""

    approval: str = choice(*APPROVAL)
    lasts_days: str = text(limit=4)
    answer_days: str = text(limit=4)
    referrals_a_day: str = text(limit=4)


@feature.form(Brand, Side.COMPANY, roles=HR)
def brand(ctx: Context, form: Brand, base: int) -> Answer:
    """Names and addresses under every card and mail."""
    return _decide(ctx, "brand", form, base)


@brand.prepare
def brand_now(ctx: Context, base: int) -> Brand:
    """As it is in force."""
    return Brand(**_in_force(ctx, "brand"))


@feature.form(Invitation, Side.COMPANY, roles=HR)
def invitation(ctx: Context, form: Invitation, base: int) -> Answer:
    """The link, and until when it works."""
    return _decide(ctx, "invitation", form, base)


@invitation.prepare
def invitation_now(ctx: Context, base: int) -> Invitation:
    """As it is in force."""
    return Invitation(**_in_force(ctx, "invitation"))


@invitation.intro
def link_explained(ctx: Context, base: int) -> Card:
    """What the day is for."""
    return Card(t("policy.invitation.title"), (Paragraph(t("policy.link_why")),))


@feature.form(Cadence, Side.COMPANY, roles=HR)
def cadence(ctx: Context, form: Cadence, base: int) -> Answer:
    """When people are asked, enrolled, invited and asked again."""
    return _decide(ctx, "cadence", form, base)


@cadence.prepare
def cadence_now(ctx: Context, base: int) -> Cadence:
    """As it is in force."""
    return Cadence(**_in_force(ctx, "cadence"))


@cadence.intro
def from_now_on(ctx: Context, base: int) -> Card:
    """Whom a change still reaches."""
    return Card(t("policy.cadence.title"), (Paragraph(t("policy.from_now_on")),))


@feature.form(Closed, Side.COMPANY, roles=HR)
def calendar(ctx: Context, form: Closed, base: int) -> Answer:
    """Public holidays and the company's own closed days."""
    return _decide(ctx, "calendar", form, base)


@calendar.prepare
def calendar_now(ctx: Context, base: int) -> Closed:
    """As it is in force."""
    return Closed(**_in_force(ctx, "calendar"))


@feature.form(Openings, Side.COMPANY, roles=HR)
def openings(ctx: Context, form: Openings, base: int) -> Answer:
    """Comeback openings and referrals."""
    return _decide(ctx, "openings", form, base)


@openings.prepare
def openings_now(ctx: Context, base: int) -> Openings:
    """As it is in force."""
    return Openings(**_in_force(ctx, "openings"))


FORMS: Mapping[str, Callable[[int], Bound]] = {
    "brand": lambda base: brand(base=base),
    "invitation": lambda base: invitation(base=base),
    "cadence": lambda base: cadence(base=base),
    "calendar": lambda base: calendar(base=base),
    "openings": lambda base: openings(base=base),
}


@feature.action(Side.COMPANY, roles=HR, reads=True)
def edit(ctx: Context, section: str) -> Answer:
    """The form of a section, on top of the version in force now."""
    if section not in FORMS:
        raise BadUsage("common.outdated")
    return FORMS[section](rulebook.of(ctx.tx).version)


def _in_force(ctx: Context, section: str) -> dict[str, Any]:
    now: Policy = rulebook.of(ctx.tx).charter.policy
    found = {rule.name: rule.get(now) for rule in charter.RULES if rule.section == section}
    return {
        name: ", ".join(value) if isinstance(value, list) else str(value) for name, value in found.items()
    }


def _decide(ctx: Context, section: str, form: object, base: int) -> Answer:
    """Keep one section as typed. Raises `InvalidForm` with every mistake, `Conflict` when it moved on."""
    book = rulebook.edited(ctx.tx, base)
    given = {rule.name: getattr(form, rule.name) for rule in charter.RULES if rule.section == section}
    changed, mistakes = charter.amend(book.charter.policy, section, given)
    if mistakes:
        raise InvalidForm({_field(mistake): mistake.right for mistake in mistakes})
    return _save(ctx, book, replace(book.charter, policy=changed), base)


def _field(mistake: Mistake) -> str:
    return mistake.key.partition(".")[2]


def _save(ctx: Context, book: Rulebook, changed: Charter, base: int) -> Answer:
    row = book.save(ctx.tx, changed, base, str(ctx.actor.address))
    return Reply(_overview(ctx, changed, row), replaces=True)


# --- versions ----------------------------------------------------------------------------------------


@feature.action(Side.COMPANY, roles=HR, reads=True)
def history(ctx: Context, page: int) -> Answer:
    """Every version, newest first."""
    rows, more = policies.history(ctx.tx, max(1, page))
    body: list[Block] = [_version(ctx, row) for row in rows]
    turns = [Button(t("common.previous"), history(page - 1))] if page > 1 else []
    turns += [Button(t("common.next"), history(page + 1))] if more else []
    body += [Buttons(tuple(turns))] if turns else []
    return Reply(Card(t("policy.history_title"), tuple(body), t("common.notice")))


def _version(ctx: Context, row: PolicyVersion) -> Entry:
    line = t("policy.version_line", at=row.at, by=_who(ctx, row.by))
    return Entry(t("policy.version", number=row.version), line, Button(t("policy.look"), look(row.version)))


@feature.action(Side.COMPANY, roles=HR, reads=True)
def look(ctx: Context, version: int) -> Answer:
    """What a version says, and the way back to it."""
    book, row = rulebook.of(ctx.tx), policies.get(ctx.tx, version)
    if row is None:
        raise NotFound("common.outdated")
    said, _ = charter.read(row.document, book.ground)
    back = Button(t("policy.back"), restore(version=version, base=book.version), "primary")
    way: tuple[Block, ...] = (Buttons((back,)),) if version != book.version else ()
    body = (Paragraph(_saved_line(ctx, row)), *_differences(ctx, said), *_sentences(said), *way)
    return Reply(Card(t("policy.version", number=version), body, t("common.notice")))


def _sentences(said: Charter) -> tuple[Block, ...]:
    """The sentences that a version says otherwise, by their keys, as many as are read at one go."""
    rows = [(key, " / ".join(map(str, words.values()))) for key, words in sorted(said.wording.items())]
    return (Facts(tuple(rows[:SHOWN])),) if rows else ()


@feature.action(Side.COMPANY, roles=HR)
def restore(ctx: Context, version: int, base: int) -> Answer:
    """Back to a version: its words as a new one. Raises `Conflict` when they can no longer be understood."""
    book, row = rulebook.edited(ctx.tx, base), policies.get(ctx.tx, version)
    said, mistakes = charter.read(row.document if row else "", book.ground)
    if mistakes or row is None:
        raise Conflict("policy.too_old")
    return _save(ctx, book, said, base)


# --- by the clock ------------------------------------------------------------------------------------


def link_expires(policy: Policy, last: date) -> Card:
    """To HR: nobody can be invited after this day unless the link is renewed."""
    body = (
        Paragraph(t("policy.link_text", network=policy.brand.network, day=last)),
        Paragraph(t("policy.link_how")),
        Buttons((Button(t("policy.change.invitation"), edit("invitation"), "primary"),)),
    )
    return Card(t("policy.link_title"), body, t("decisions.notice"))
