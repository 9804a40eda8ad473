"""What every door of the house promises, whatever platform stands before it (docs/house.md).

A `Door` says how things are done at one door; each clause is one promise. A new door writes a `Door` and runs
`CLAUSES` over it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Protocol

import pytest

ACK: Final = 3.0
"""Seconds that an acknowledgement may take, however slow the world outside is: what Slack waits."""
NAMES: Final = (
    "鑫", "<!channel>", "<http://evil.example|click>", "*x*", "_y_ `z` ~w~", "@here", "مريم العربية",
    "🦊 山田", "&lt;b&gt;", "[a](http://evil.example)", "寿" * 40,
)  # fmt: skip
"""Names that people have, or type to see what happens."""


class Seen(NamedTuple):
    """What came of something: whether the platform was content, after how long, and the words then shown."""

    ok: bool
    seconds: float
    words: str


class Door(Protocol):
    """A door under test. `who` is whatever the door uses for a person."""

    async def member(self, name: str, locale: str = "ja") -> Any:
        """Somebody who has joined; the platform says that they speak this language."""

    async def newcomer(self, locale: str) -> Any:
        """Somebody who belongs to nobody yet: an account, or a browser that is not signed in."""

    def unknown(self, locale: str) -> str:
        """What a newcomer is told who asks for more than a newcomer may."""

    async def outsider(self, locale: str) -> Any:
        """A guest of the place: no full member."""

    async def leaver(self) -> Any:
        """Somebody who said yes and has still to prove the private address."""

    async def types(self, who: Any, words: str) -> Seen:
        """Type to the bot."""

    async def presses(self, who: Any, action: str) -> Seen:
        """Press the newest button of an action."""

    async def submits(self, who: Any, **values: Any) -> Seen:
        """Send the open form."""

    def fields(self, who: Any) -> Mapping[str, Any]:
        """What stands in the open form now, by field."""

    def errors(self, who: Any) -> Mapping[str, str]:
        """What is wrong beside the fields of the open form."""

    async def claims(self, who: Any, action: str, args: object) -> Seen:
        """A rightly signed press of a button that the house never showed."""

    async def knocks(self, how: str) -> int:
        """The status of a request that is `unsigned`, `forged`, `stale`, `early` or `foreign`, by whatever
        this door knows its people.
        """

    async def clicks(self, who: Any, action: str, args: object, *, same: bool) -> None:
        """The same press at every replica at once: the `same` request, or clicks in quick succession."""

    async def joins(self, times: int, *, at_once: bool) -> Any:
        """Somebody with a proven address joins; the platform tells it several times, at every replica."""

    async def event(self) -> Callable[[], Awaitable[int]]:
        """Something that the platform tells of its own accord: tells it, always as the same event; the
        status. Only where a platform does so.
        """

    def full(self) -> AbstractContextManager[None]:
        """In the block the database records nothing that arrives."""

    async def the_bot_speaks(self) -> None:
        """The platform tells the bot of the bot's own message."""

    async def slow(self, seconds: float) -> None:
        """From now on everything outside the house takes this long, and mails are under way."""

    async def quiet(self) -> None:
        """Wait until everything under way has ended."""

    def markup(self) -> Sequence[str]:
        """Every string shown so far that the platform reads as markup."""

    def effects(self, what: str) -> int:
        """How often the house did something: `joined`, `proof`, `answered`, `heard`."""


Clause = Callable[[Door], Awaitable[None]]


async def unsigned_forged_and_stale_requests_are_refused(door: Door) -> None:
    for how in ("unsigned", "forged", "stale", "early", "foreign"):
        assert await door.knocks(how) in (401, 403), how
    assert door.effects("heard") == 0


async def the_same_event_twice_acts_once(door: Door) -> None:
    await door.joins(3, at_once=False)
    await door.quiet()
    assert door.effects("joined") == 1


async def the_same_event_at_every_replica_at_once_acts_once(door: Door) -> None:
    await door.joins(3, at_once=True)
    await door.quiet()
    assert door.effects("joined") == 1


async def an_event_that_cannot_be_recorded_is_told_again(door: Door) -> None:
    """A platform tells again only what was not acknowledged."""
    tells = await door.event()
    with door.full():
        for _ in range(2):
            assert await tells() >= 500
    assert door.effects("heard") == 0
    assert [await tells(), await tells()] == [200, 200]
    await door.quiet()
    assert door.effects("heard") == 1


async def the_same_press_twice_acts_once(door: Door) -> None:
    leaver = await door.leaver()
    before = door.effects("proof")
    await door.clicks(leaver, "welcome.resend", {"leaver": leaver.row.id}, same=True)
    await door.quiet()
    assert door.effects("proof") == before + 1


async def a_double_click_acts_once(door: Door) -> None:
    leaver = await door.leaver()
    before = door.effects("proof")
    await door.clicks(leaver, "welcome.resend", {"leaver": leaver.row.id}, same=False)
    await door.quiet()
    assert door.effects("proof") == before + 1


async def its_own_message_is_ignored(door: Door) -> None:
    await door.the_bot_speaks()
    await door.quiet()
    assert door.effects("heard") == 0


async def arguments_come_back_as_they_went(door: Door) -> None:
    asker = await door.member("佐藤 健")
    for number in range(12):
        await door.member(f"{'一二三四五六七八九十百千'[number]}条 寿")
    names = {f"{sign}条 寿" for sign in "一二三四五六七八九十百千"}
    first = await door.types(asker, "find 寿")
    found = {name for name in names if name in first.words}
    assert len(found) == 10
    second = await door.presses(asker, "find.turn")
    assert {name for name in names if name in second.words} == names - found


async def forged_arguments_are_refused_kindly(door: Door) -> None:
    asker = await door.member("佐藤 健")
    wrong: tuple[tuple[str, object], ...] = (
        ("find.turn", {"query": "佐藤"}),
        ("find.turn", {"query": "佐藤", "page": 1, "size": 1000}),
        ("find.turn", {"query": "佐藤", "page": "1"}),
        ("find.turn", {"query": "佐藤", "page": True}),
        ("find.turn", {"query": "佐藤", "page": 1.0}),
        ("find.turn", {"query": "佐藤", "page": 10**40}),
        ("find.turn", {"query": "\ud800", "page": 1}),
        ("find.turn", {"query": ["佐藤"], "page": 1}),
        ("find.turn", []),
        ("find.nothing", {}),
        ("", {}),
        ("os.system", {"command": "true"}),
    )
    for action, args in wrong:
        seen = await door.claims(asker, action, args)
        assert seen.ok, (action, args)
        assert "古くなって" in seen.words, (action, args, seen.words)


async def another_persons_row_is_refused(door: Door) -> None:
    leaver, other = await door.leaver(), await door.leaver()
    for action in ("welcome.no", "welcome.resend", "welcome.mine"):
        seen = await door.claims(other, action, {"leaver": leaver.row.id})
        assert seen.ok
        assert seen.words, action
    assert leaver.stage.value == "consented"
    assert door.effects("proof") == 2
    assert leaver.home_email not in (await door.types(other, "help")).words


async def an_invalid_form_keeps_what_was_typed(door: Door) -> None:
    leaver = await door.leaver()
    await door.claims(leaver, "welcome.yes", {"leaver": leaver.row.id})
    wrong = leaver.company_email
    seen = await door.submits(leaver, personal_email=wrong, reach="mail")
    assert seen.ok
    assert set(door.errors(leaver)) == {"personal_email"}
    assert door.fields(leaver) == {"personal_email": wrong, "reach": "mail"}
    again = await door.submits(leaver, personal_email=wrong, reach="mail")
    assert again.ok
    assert set(door.errors(leaver)) == {"personal_email"}, "sent again at once, it is told again"
    await door.submits(leaver, personal_email="new@home.example.jp", reach="mail")
    assert not door.errors(leaver)


async def nothing_typed_becomes_markup(door: Door) -> None:
    asker = await door.member("佐藤 健")
    for name in NAMES:
        await door.types(asker, "profile")
        await door.presses(asker, "profile.edit")
        seen = await door.submits(asker, name=name, employer=name)
        assert name in seen.words.split("\n") or name in seen.words
        sought = await door.types(asker, f"find {name} ねこ")
        assert sought.ok
    texts = door.markup()
    assert texts
    for name in NAMES:
        assert not [text for text in texts if name in text], name
    assert not [text for text in texts if "evil.example" in text or "<!" in text]


async def a_slow_world_outside_delays_no_ack(door: Door) -> None:
    asker, leaver = await door.member("佐藤 健"), await door.leaver()
    editor = await door.member("田中 愛子")
    await door.claims(editor, "profile.edit", {})
    await door.slow(4.0)
    acts = (
        door.types(asker, "find 佐藤"),
        door.types(asker, "join"),
        door.claims(asker, "help.show", {}),
        door.claims(asker, "profile.edit", {}),
        door.claims(leaver, "welcome.mine", {"leaver": leaver.row.id}),
        door.submits(editor, employer="青空ロジ"),
    )
    for seen in await asyncio.gather(*acts):
        assert seen.ok
        assert seen.seconds < ACK
    await door.joins(1, at_once=False)
    await door.quiet()


async def a_refusal_is_in_the_language_of_who_is_refused(door: Door) -> None:
    japanese, english = await door.newcomer("ja"), await door.newcomer("en")
    assert door.unknown("ja") in (await door.types(japanese, "find 佐藤")).words
    assert door.unknown("en") in (await door.types(english, "find 佐藤")).words
    assert "古くなって" in (await door.claims(japanese, "gone.action", {})).words
    assert "out of date" in (await door.claims(english, "gone.action", {})).words
    guest = await door.outsider("en")
    assert "Only full members" in (await door.types(guest, "help")).words
    assert "正式なメンバー" in (await door.types(await door.outsider("ja"), "help")).words


CLAUSES: Final[tuple[Clause, ...]] = (
    unsigned_forged_and_stale_requests_are_refused,
    the_same_event_twice_acts_once,
    the_same_event_at_every_replica_at_once_acts_once,
    the_same_press_twice_acts_once,
    a_double_click_acts_once,
    its_own_message_is_ignored,
    arguments_come_back_as_they_went,
    forged_arguments_are_refused_kindly,
    another_persons_row_is_refused,
    an_invalid_form_keeps_what_was_typed,
    nothing_typed_becomes_markup,
    a_slow_world_outside_delays_no_ack,
    a_refusal_is_in_the_language_of_who_is_refused,
)
EVENTS: Final[tuple[Clause, ...]] = (an_event_that_cannot_be_recorded_is_told_again,)
"""What a door promises besides at which a platform tells what happened; our own pages hear of nothing."""


def few_of(clauses: Sequence[Clause]) -> list[Any]:
    """Every third at every run, all in the long one; at the door of Slack each is kept at every run."""
    long = pytest.mark.long
    return [one if n % 3 == 0 else pytest.param(one, marks=long) for n, one in enumerate(clauses)]
