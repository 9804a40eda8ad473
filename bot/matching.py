"""Which opening suits whom, and why: an opening's segment, and reasons in the order of their weight.

A segment (`for_…`) is a filter: any word of each of its kinds, all kinds together; without one an opening is
for everybody. It says who is told and what stands first, not who may look: the channel shows it to all.
A *real match* is worth a message: see `Match.real`. Nothing here knows a database; `storage.matching` asks
SQL for what it can decide exactly and leaves words to these very functions, so that both always agree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from bot import names

Word = tuple[str, str]
"""(as compared, as typed)."""
Because = Literal["skill", "keyword", "place", "here", "remote", "department", "employment"]
Reason = tuple[Because, str]
"""Why, and the word of theirs that did it; the sentence is `openings.because.<key>`."""
WEIGHTS: dict[Because, int] = {
    "skill": 100, "keyword": 40, "place": 12, "here": 10, "remote": 10, "department": 4, "employment": 1,
}  # fmt: skip
_BETWEEN = re.compile("[,，﹐︐、､﹑;；\r\n]")
_PARTS = re.compile(r"[,、・/()|;\n]|(?<=[^\x00-\x7f])\s|\s(?=[^\x00-\x7f])")
_PREFECTURE = re.compile("(東京|京都|大阪|北海|[^都道府県]{2,3}?)[都道府県](.+)")
_PLURAL = re.compile("^e?s(?![a-z0-9])")
_KIND_OF_PLACE = "都道府県市区町村"
_SHORTEST_MENTION = 3
"""Letters of a Latin word that has a plural, and of a skill that counts when running text names it: Go, R and
C are words or letters there."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place, made comparable: what somewhere else must have to lie within it, and what it has itself."""

    typed: str
    asks: tuple[str, ...]
    has: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Says:
    """What an opening says, as typed; `since` is the first last day that its segment takes, if it asks."""

    title: str = ""
    about: str = ""
    department: str = ""
    place: str = ""
    remote: str = "no"
    employment: str = ""
    for_skills: str = ""
    for_departments: str = ""
    for_places: str = ""
    since: date | None = None


@dataclass(frozen=True, slots=True)
class Sought:
    """The same, made comparable once for everybody it is compared with."""

    text: str
    department: str
    place: Place
    remote: str
    employment: str
    skills: tuple[Word, ...]
    departments: tuple[Word, ...]
    places: tuple[Place, ...]
    since: date | None


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of somebody, as typed: what they can do, where they are, which department they left when,
    and what they wish for."""

    person_id: str
    skills: str = ""
    place: str = ""
    department: str = ""
    last_day: date | None = None
    keywords: str = ""
    places: str = ""
    employments: tuple[str, ...] = ()
    remote: bool = False


@dataclass(frozen=True, slots=True)
class Seeker:
    """The same, made comparable once for all openings."""

    person_id: str
    skills: tuple[Word, ...]
    place: Place
    department: Word
    last_day: date | None
    keywords: tuple[Word, ...]
    places: tuple[Place, ...]
    employments: tuple[str, ...]
    remote: bool


@dataclass(frozen=True, slots=True)
class Match:
    """What an opening is to somebody: in its segment or not, why, how much.

    `real`: worth a message. A skill, a keyword or a department that the segment names is enough; a wished
    place or remote work only with the employment or the department beside it; and nothing is real that the
    person's own wishes leave out (another employment, another place).
    """

    fits: bool
    reasons: tuple[Reason, ...] = ()
    real: bool = False

    @property
    def score(self) -> int:
        """More is better; 0 without a reason."""
        return sum(WEIGHTS[because] for because, _ in self.reasons)


def sought(says: Says) -> Sought:
    """An opening made comparable."""
    return Sought(
        text=_folded(f"{says.title}\n{says.about}"), department=_folded(says.department),
        place=place_of(says.place), remote=says.remote, employment=says.employment,
        skills=skills_of(says.for_skills), departments=words_of(says.for_departments),
        places=_places(says.for_places), since=says.since,
    )  # fmt: skip


def seeker(told: Told) -> Seeker:
    """Somebody made comparable."""
    return Seeker(
        told.person_id, names.skills(told.skills), place_of(told.place),
        (_folded(told.department), told.department), told.last_day, words_of(told.keywords),
        _places(told.places), told.employments, told.remote,
    )  # fmt: skip


def words_of(text: str) -> tuple[Word, ...]:
    """Words with commas between, folded as names are: kanji variants, width, case and kana do not count."""
    found = {_folded(part): part.strip() for part in _BETWEEN.split(text)}
    return tuple((word, typed) for word, typed in found.items() if any(map(str.isalnum, word)))


def skills_of(text: str) -> tuple[Word, ...]:
    """What a segment asks for. Something is asked for even if it is nothing that anybody can list: it is then
    for nobody, not for all."""
    return names.skills(text) or words_of(text)


def match(opening: Sought, one: Seeker) -> Match:
    """What the opening is to somebody."""
    if not fits(opening, one):
        return Match(fits=False)
    reasons = (*_skills(opening, one), *_keywords(opening, one), *_wishes(opening, one))
    return Match(fits=True, reasons=reasons, real=_real(opening, one, {because for because, _ in reasons}))


# --- the segment -----------------------------------------------------------------------------------------


def fits(opening: Sought, one: Seeker) -> bool:
    """Whether somebody is among those it is for."""
    left = opening.since is None or (one.last_day is not None and one.last_day >= opening.since)
    can = not opening.skills or bool({word for word, _ in opening.skills} & {word for word, _ in one.skills})
    return left and can and _in_department(opening, one.department[0]) and _in_place(opening, one.place)


def suits(opening: Sought, department: str, place: str) -> bool:
    """Whether a department and a place, as typed, are what the segment asks for: the part of `fits` that SQL
    leaves to us."""
    where = place_of(place) if opening.places else opening.place
    return _in_department(opening, _folded(department)) and _in_place(opening, where)


def _in_department(opening: Sought, department: str) -> bool:
    """One that is named, or a part of it: 営業 is 東京営業部 too."""
    return not opening.departments or any(mentions(department, word) for word, _ in opening.departments)


def _in_place(opening: Sought, place: Place) -> bool:
    return not opening.places or any(within(place, wanted) for wanted in opening.places)


# --- the reasons -----------------------------------------------------------------------------------------


def _skills(opening: Sought, one: Seeker) -> list[Reason]:
    asked = {word for word, _ in opening.skills}
    return [("skill", typed) for word, typed in one.skills if word in asked or _named(opening.text, typed)]


def _named(text: str, skill: str) -> bool:
    word = _folded(skill)
    return mentions(text, word) and (len(word) >= _SHORTEST_MENTION or not word.isascii())


def _keywords(opening: Sought, one: Seeker) -> list[Reason]:
    return [("keyword", typed) for word, typed in one.keywords if mentions(opening.text, word)]


def _wishes(opening: Sought, one: Seeker) -> list[Reason]:
    found: list[Reason] = []
    if wished := [place.typed for place in one.places if within(opening.place, place)]:
        found.append(("place", wished[0]))
    elif within(one.place, opening.place) or within(opening.place, one.place):
        found.append(("here", one.place.typed))
    if one.remote and opening.remote != "no":
        found.append(("remote", ""))
    if one.department[0] and _their_department(opening, one.department[0]):
        found.append(("department", one.department[1]))
    if opening.employment in one.employments:
        found.append(("employment", opening.employment))
    return found


def _their_department(opening: Sought, department: str) -> bool:
    offered = bool(opening.department) and (
        mentions(department, opening.department) or mentions(opening.department, department)
    )
    return offered or any(mentions(department, word) for word, _ in opening.departments)


def _real(opening: Sought, one: Seeker, because: set[Because]) -> bool:
    if one.employments and "employment" not in because:
        return False
    if one.places and opening.place.asks and "place" not in because and opening.remote != "fully":
        return False
    if because & {"skill", "keyword"} or opening.departments:
        return True
    return bool(because & {"place", "remote"}) and bool(because & {"employment", "department"})


# --- words -----------------------------------------------------------------------------------------------


def mentions(text: str, word: str) -> bool:
    """Whether a folded text names a folded word: Japanese anywhere, Latin words as a whole (plurals too), so
    that Java is not in JavaScript, IT not in Digital and C not in C++."""
    at = text.find(word) if word else -1
    while at >= 0:
        if _alone(text, at, at + len(word)):
            return True
        at = text.find(word, at + 1)
    return False


def _alone(text: str, start: int, end: int) -> bool:
    if _latin(text[start]) and start and _latin(text[start - 1]):
        return False
    rest = text[end:] if _latin(text[end - 1]) else ""
    if end - start >= _SHORTEST_MENTION:
        rest = _PLURAL.sub("", rest, count=1)
    return not rest or (not _latin(rest[0]) and rest[0] not in "+#")


def _latin(char: str) -> bool:
    return char.isascii() and char.isalnum()


def within(place: Place, wanted: Place) -> bool:
    """Whether a place is the wanted one or lies in it: 東京 takes 東京都港区, 京都 does not take 東京都."""
    return bool(wanted.asks) and all(any(_begins(part, word) for part in place.has) for word in wanted.asks)


def _begins(part: str, word: str) -> bool:
    return mentions(part, word) if word.isascii() else part.startswith(word)


def place_of(text: str) -> Place:
    """A place made comparable; nothing lies within an empty one."""
    parts = [part.strip() for part in _PARTS.split(_folded(text)) if part.strip()]
    divided = [piece for part in parts for piece in _divided(part)]
    return Place(text, tuple(map(_bare, divided)), tuple(dict.fromkeys((*divided, *parts))))


def _places(text: str) -> tuple[Place, ...]:
    return tuple(place for _, typed in words_of(text) if (place := place_of(typed)).asks)


def _divided(part: str) -> tuple[str, ...]:
    """A prefecture apart from what lies in it."""
    named = _PREFECTURE.fullmatch(part)
    return (named[1], named[2]) if named else (part,)


def _bare(part: str) -> str:
    """東京都 is 東京, 横浜市 is 横浜; 京都 and 津市 stay."""
    return part[:-1] if part[-1] in _KIND_OF_PLACE and len(part) > 2 else part


def _folded(text: str) -> str:
    return " ".join(names.fold(text).split())


# --- looking through openings ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sift:
    """What somebody looks for at this moment, as typed; kept nowhere but in the buttons they are shown."""

    words: str = ""
    place: str = ""
    employments: tuple[str, ...] = ()
    remote: bool = False


def passes(says: Says, sift: Sift) -> bool:
    """Whether an opening has every word anywhere in what it says, and is of the wanted kind and place."""
    where = f"{says.title}\n{says.about}\n{says.department}\n{says.place}\n{says.for_skills}"
    text = _folded(where)
    return (
        all(word in text for word in _folded(sift.words).split())
        and (not sift.place.strip() or within(place_of(says.place), place_of(sift.place)))
        and (not sift.employments or says.employment in sift.employments)
        and (not sift.remote or says.remote != "no")
    )
