"""What HR decides, as one document: read from TOML with every mistake at once, and written again. Pure.

What a document does not say comes from the ground under it: the settings, the catalogues, our mapping.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from typing import Any, Protocol

from bot import phrasing, ruling
from bot.conversation import t
from bot.phrasing import Mistake, Wording
from bot.policy import Policy
from bot.ruling import Reader, Toml, Wrong
from bot.texts import Texts

LARGEST = 300_000
SECTIONS = ("brand", "invitation", "cadence", "calendar", "openings", "mapping", "wording")
Table = Mapping[str, Any]


class Columns(Protocol):
    """What the room that reads leavers' files says about a mapping."""

    def mistakes(self, table: Table) -> Iterable[str]:
        """Everything wrong with `{"columns": …, "values": …}`, one line each: `place: what is wrong`."""
        ...

    def headers(self, table: Table) -> Mapping[str, tuple[str, ...]]:
        """field -> the headers under which it is found, with such a table laid over what there is."""
        ...


@dataclass(frozen=True, slots=True)
class Ground:
    """What lies under every document; this `policy` is the settings' and never changes."""

    policy: Policy
    texts: Texts
    columns: Columns


@dataclass(frozen=True, slots=True)
class Charter:
    """What a document comes to: whole rules, and what is said and mapped otherwise.

    `on` is the version that was edited, if the document says so.
    """

    policy: Policy
    wording: Wording = field(default_factory=dict)
    mapping: Table = field(default_factory=dict)
    on: int | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One key of a document and what it decides: how a value is read, found in a policy, and put there."""

    key: str
    read: Reader
    get: Callable[[Policy], Toml]
    put: Callable[[Policy, Any], Policy]

    @property
    def section(self) -> str:
        """The table it stands in."""
        return self.key.partition(".")[0]

    @property
    def name(self) -> str:
        """Its name in that table."""
        return self.key.partition(".")[2]


def _of_brand(name: str, read: Reader) -> Rule:
    def put(policy: Policy, value: Any) -> Policy:
        return replace(policy, brand=replace(policy.brand, **{name: value}))

    return Rule(f"brand.{name}", read, lambda policy: str(getattr(policy.brand, name)), put)


def _plain(key: str, read: Reader, attribute: str = "", write: Callable[[Any], Toml] = lambda v: v) -> Rule:
    where = attribute or key.partition(".")[2]
    return Rule(
        key,
        read,
        lambda policy: write(getattr(policy, where)),
        lambda policy, value: replace(policy, **{where: value}),
    )


def _days(key: str, least: int, most: int) -> Rule:
    return _plain(f"cadence.{key}", partial(ruling.number, least=least, most=most))


def _hour(key: str) -> Rule:
    return _plain(f"cadence.{key}", ruling.hour, write=lambda at: f"{at:%H:%M}")


def _closed(policy: Policy) -> Toml:
    return [day.isoformat() for day in sorted(policy.calendar.closures)]


def _with_country(policy: Policy, country: str) -> Policy:
    return replace(policy, calendar=replace(policy.calendar, country=country))


def _with_closures(policy: Policy, closures: frozenset[date]) -> Policy:
    return replace(policy, calendar=replace(policy.calendar, closures=closures))


RULES: tuple[Rule, ...] = (
    _of_brand("network", partial(ruling.words, limit=80)),
    _of_brand("company", partial(ruling.words, limit=80)),
    _of_brand("contact_name", partial(ruling.words, limit=80)),
    _of_brand("contact_email", ruling.email),
    _of_brand("logo_url", partial(ruling.address, schemes=("https",))),
    _of_brand("terms_url", partial(ruling.address, schemes=("https",))),
    _plain("invitation.url", partial(ruling.address, schemes=("https", "http")), "invitation_url"),
    _plain("invitation.expires", ruling.day, "invitation_expires", lambda on: on.isoformat() if on else ""),
    _days("ask_before_working_day", 0, 180),
    _days("ask_before_last_day", 0, 180),
    _hour("ask_at"),
    _days("remind_business_days", 0, 20),
    _days("later_months", 1, 24),
    _days("unanswered_days", 1, 730),
    _plain(
        "cadence.invitation_lasts_days",
        lambda value: timedelta(days=ruling.number(value, least=1, most=180)),
        "invitation_lasts",
        lambda lasts: lasts.days,
    ),
    _days("checkin_after_days", 1, 730),
    _days("nudge_after_days", 1, 180),
    _hour("checkin_opens"),
    _hour("checkin_closes"),
    _plain("cadence.enrol_on", partial(ruling.one_of, ruling.ENROL_ON), "enrol_on"),
    _hour("enrol_at"),
    Rule("calendar.country", ruling.country, lambda policy: policy.calendar.country, _with_country),
    Rule("calendar.closures", ruling.closures, _closed, _with_closures),
    _plain("openings.approval", partial(ruling.one_of, ruling.APPROVAL), "opening_approval"),
    _plain("openings.lasts_days", partial(ruling.number, least=7, most=365), "opening_lasts_days"),
    _plain("openings.answer_days", partial(ruling.number, least=1, most=20)),
    _plain("openings.referrals_a_day", partial(ruling.number, least=1, most=20)),
)


def read(document: str, ground: Ground) -> tuple[Charter, tuple[Mistake, ...]]:
    """A document's charter, of what is right in it, and everything that is wrong."""
    nothing = Charter(ground.policy)
    if len(document) > LARGEST:
        return nothing, (Mistake("", None, t("policy.right.size", limit=LARGEST)),)
    try:
        table = tomllib.loads(document)
    except (ValueError, RecursionError) as broken:
        return nothing, (Mistake("", str(broken)[:200], t("policy.right.toml")),)
    on = table.pop("version", None)
    strange = [
        Mistake(name, None, t("policy.right.sections", sections=" ".join(SECTIONS)))
        for name in sorted(table.keys() - set(SECTIONS))
    ]
    policy, wrong = _ruled(ground.policy, table)
    wording, unsaid = phrasing.read(table.get("wording", {}), ground.texts)
    mapping, unmapped = _mapped(table.get("mapping", {}), ground.columns)
    whole = Charter(policy, wording, mapping, on if isinstance(on, int) else None)
    return whole, (*strange, *wrong, *unsaid, *unmapped)


def _ruled(policy: Policy, table: Table) -> tuple[Policy, list[Mistake]]:
    mistakes: list[Mistake] = []
    for section in SECTIONS[:5]:
        given = table.get(section, {})
        known = [rule.name for rule in RULES if rule.section == section]
        if not isinstance(given, dict):
            mistakes.append(Mistake(section, _found(given), t("policy.right.keys", keys=" ".join(known))))
            continue
        policy, wrong = amend(policy, section, given)
        mistakes += wrong
        mistakes += [
            Mistake(f"{section}.{name}", _found(given[name]), t("policy.right.keys", keys=" ".join(known)))
            for name in given
            if name not in known
        ]
    return policy, mistakes


def amend(policy: Policy, section: str, given: Mapping[str, object]) -> tuple[Policy, list[Mistake]]:
    """A policy with the values of one section put in; what is wrong stays as it was and is told."""
    mistakes: list[Mistake] = []
    before = policy
    for rule in RULES:
        if rule.section != section or rule.name not in given:
            continue
        try:
            policy = rule.put(policy, rule.read(given[rule.name]))
        except Wrong as wrong:
            mistakes.append(Mistake(rule.key, _found(given[rule.name]), wrong.right))
    if policy.checkin_opens >= policy.checkin_closes:
        found = f"{policy.checkin_opens:%H:%M} – {policy.checkin_closes:%H:%M}"
        mistakes.append(Mistake("cadence.checkin_closes", found, t("policy.right.later_hour")))
        policy = replace(policy, checkin_opens=before.checkin_opens, checkin_closes=before.checkin_closes)
    return policy, mistakes


def _mapped(table: object, columns: Columns) -> tuple[Table, list[Mistake]]:
    if not isinstance(table, dict):
        return {}, [Mistake("mapping", _found(table), t("policy.right.keys", keys="columns values"))]
    lines = [line.partition(": ") for line in columns.mistakes(table)]
    mistakes = [
        Mistake(f"mapping.{place.strip('[]')}", None, t("policy.right.mapping", told=told))
        for place, _, told in lines
    ]
    return ({}, mistakes) if mistakes else ({kind: given for kind, given in table.items() if given}, [])


def _found(value: object) -> str:
    """What stood there, short enough for one line."""
    told = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return told[:60]


def differs(charter: Charter, ground: Ground) -> list[Rule]:
    """The rules that a charter decides otherwise than the ground."""
    return [rule for rule in RULES if rule.get(charter.policy) != rule.get(ground.policy)]
