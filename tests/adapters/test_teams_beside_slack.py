"""One process for both chats: however slow Microsoft is, Slack is answered; and typing costs one look-up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median

from adapters.teams.finding import Keystrokes
from bot.conversation import Address, Card, Paragraph, Platform, Side, t
from bot.post import Letter, to_alumnus
from bot.visibility import CHOOSABLE
from storage import people, references, search
from storage.accounts import Account
from storage.consents import Purpose
from storage.engine import Tx, now
from storage.references import Way
from tests.adapters.teams_house import TENANTS, a_member, teams_beside
from tests.adapters.teams_street import APPS, Street, lines, street_in
from tests.knocks import a_member as a_slack_member
from tests.knocks import knocking
from tests.world import world_in

SLOW = 1.0
"""Seconds of a login, and of a message: many times what an ack takes, so that only order is asked here."""
TAKES = 0.3
"""Seconds of a login, and of a call to the connector, while nudges go out."""
NUDGES = 20
TENANT = TENANTS[Side.ALUMNI]


async def test_a_slow_microsoft_keeps_slack_waiting_for_nothing(tmp_path: Path) -> None:
    """The local Teams runs in this very process: a call that blocked would never be answered at all."""
    async with teams_beside() as (beside, settings), world_in(tmp_path, **settings) as world:
        beside.moves_to(world.ground.port)
        teams, asker = beside.local, a_slack_member(world, "佐藤 健")
        nudged = [a_member(world, teams, f"山田 {number}郎") for number in range(NUDGES)]
        async with knocking(world) as knocker:
            teams.faults.delay("*", SLOW)
            said = [asyncio.ensure_future(teams.says(who, "help")) for who in nudged]
            acks = []
            while not teams.calls("send"):
                acks.append(await knocker.knock(knocker.command(asker.alumni_user, "help")))
            assert all(one.ok for one in await asyncio.gather(*said))
            assert {ack.status for ack in acks} == {200}
            assert len(acks) > 1, "answered again and again before Teams had the first of ours"
        await teams.settle()
        await world.answered()
        await teams.settle()
        assert all(teams.cards(who) for who in nudged)
        assert len(teams.calls("token")) == 1


async def test_while_nudges_go_out_to_a_slow_microsoft_slack_is_answered(tmp_path: Path) -> None:
    """Login server and connector take 300 ms a call; twenty nudges add less than 100 ms to an ack. Both are
    measured here, one after the other, so that a slow machine is slow for both."""
    async with teams_beside() as (beside, settings), world_in(tmp_path, **settings) as world:
        beside.moves_to(world.ground.port)
        teams, asker = beside.local, a_slack_member(world, "佐藤 健")
        nudged = [a_member(world, teams, f"山田 {number}郎") for number in range(NUDGES)]
        service = teams.urls(APPS[Side.ALUMNI])["service"]
        world.writes(lambda tx: [_nudge(tx, who, service) for who in nudged])
        async with knocking(world) as knocker:

            async def ack() -> float:
                heard = await knocker.knock(knocker.command(asker.alumni_user, "help"))
                assert heard.status == 200
                return heard.seconds

            quiet = [await ack() for _ in range(20)]
            teams.faults.delay("login", TAKES)
            teams.faults.delay("connector", TAKES)
            going = asyncio.ensure_future(world.settle())
            busy = []
            while not going.done():
                busy.append(await ack())
            await going
        await teams.settle()
        assert [len(teams.chat(who)) for who in nudged] == [1] * NUDGES
        assert {row.went_by for row in world.delivered("checkin.nudge")} == {"chat"}
        assert len(busy) > NUDGES, "answered again and again meanwhile"
        assert median(busy) - median(quiet) < TAKES / 3


def _nudge(tx: Tx, who: str, service: str) -> None:
    """A letter that asks how somebody is, whose chat with the bot was never opened."""
    address = Address(Platform.TEAMS, TENANT, who)
    references.keep(tx, Way(address, service), Side.ALUMNI)
    account = tx.get(Account, str(address))
    assert account is not None
    card = Card(t("checkin.title"), (Paragraph(t("checkin.how_now")),), t("common.notice"))
    assert to_alumnus(tx, account.person_id or "", Letter("checkin.nudge", card, who, Purpose.STAY_IN_TOUCH))


async def test_of_what_is_typed_meanwhile_only_the_newest_is_looked_up() -> None:
    keystrokes, held, looked = Keystrokes(), asyncio.Event(), []
    first, second = (Address(Platform.TEAMS, TENANT, name) for name in ("a", "b"))

    async def types(who: Address, words: str) -> dict[str, str] | None:
        async def look() -> dict[str, str]:
            looked.append(words)
            await held.wait()
            return {"words": words}

        return await keystrokes.latest(who, look)

    typed = [asyncio.ensure_future(types(first, words)) for words in ("や", "やま", "やまだ")]
    other = asyncio.ensure_future(types(second, "さとう"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert looked == ["や", "さとう"], "and nobody waits for another person"
    held.set()
    assert await asyncio.gather(*typed) == [{"words": "や"}, None, {"words": "やまだ"}]
    assert await other == {"words": "さとう"}
    assert looked == ["や", "さとう", "やまだ"]
    assert await types(first, "もう一度") == {"words": "もう一度"}


async def test_a_look_up_that_fails_is_in_nobodys_way() -> None:
    keystrokes, who = Keystrokes(), Address(Platform.TEAMS, TENANT, "a")

    async def breaks() -> dict[str, str]:
        raise ValueError

    async def works() -> dict[str, str]:
        return {}

    failed = await asyncio.gather(keystrokes.latest(who, breaks), return_exceptions=True)
    assert isinstance(failed[0], ValueError)
    assert await keystrokes.latest(who, works) == {}


async def test_the_message_extension_shows_what_is_shown_to_everybody(tmp_path: Path) -> None:
    async with street_in(tmp_path) as street:
        asker = street.alumnus("佐藤 健")
        street.alumnus("山田 花子", employer="北浜テック", place="神戸")
        _shows(street, tuple(name for name in CHOOSABLE if name != "employer"))
        (found,) = await street.teams.asks_extension(asker, "山田")
        assert "神戸" in lines(found["content"])
        assert "北浜テック" not in str(found)
        assert await street.teams.asks_extension(asker, "北浜") == []


def _shows(street: Street, shown: tuple[str, ...]) -> None:
    def change(tx: Tx) -> None:
        person = next(one for one in tx.query(people.Person) if one.name == "山田 花子")
        people.confirm(person, now(tx).date(), {}, shown, listed=True)
        search.index(tx, person)

    street.app.core.database.run_now(change)
