"""The messenger against the local Slack: who is found, what arrives, and what each failure means."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from adapters.playground.local_slack import LocalSlack
from adapters.playground.slack_state import LocalApp
from adapters.slack.messenger import SlackMessenger, SlackSeat, web_client
from adapters.slack.render import Renderer
from bot.conversation import Address, Card, Paragraph, Platform, Side, Standing, t
from bot.errors import Ambiguous, Away, Retry, Trouble, Undeliverable
from bot.ports import Looks, Outgoing, Posted
from tests.adapters.samples import BRAND, EVERYTHING, sample_texts

COMPANY, ALUMNI = "T0COMPANY", "T0ALUMNI"
SCOPES = ["chat:write", "im:write", "im:history", "users:read", "users:read.email"]
PATIENCE, LONG = 1.0, 60.0  # seconds that a client waits: a hasty one, and any other


@dataclass
class Street:
    """A local Slack with two workspaces, and our messenger in front of it."""

    slack: LocalSlack
    messenger: SlackMessenger
    server: TestServer

    def person(self, team: str = ALUMNI, email: str = "aiko@example.jp", **details: bool | str) -> Address:
        user = self.slack.add_person(team, name="田中 愛子", email=email, **details)  # type: ignore[arg-type]
        return Address(Platform.SLACK, team, user)

    def calls(self, method: str) -> int:
        return len(self.slack.calls(method))


def app(team: str, scopes: list[str]) -> LocalApp:
    manifest = {"oauth_config": {"scopes": {"bot": scopes}}}
    return LocalApp(
        f"A{team}", "secret", f"xoxb-{team}", f"U0BOT{team[2:]}", manifest, "http://127.0.0.1:9/x"
    )


Opener = Callable[..., Awaitable[Street]]


@pytest.fixture
async def open_street() -> AsyncIterator[Opener]:
    closing: list[Callable[[], Awaitable[None]]] = []

    async def opener(scopes: list[str] = SCOPES, patience: float = LONG) -> Street:
        slack = LocalSlack(time.time)
        for team in (COMPANY, ALUMNI):
            slack.add_workspace(team, team, app(team, scopes))
        outside = web.Application()
        outside.add_subapp("/local-slack/", slack.web_api())
        server = TestServer(outside)
        await server.start_server()
        session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=patience, connect=patience))
        closing.extend([session.close, slack.close, server.close])
        url = str(server.make_url("/local-slack/api/"))
        seats = [
            SlackSeat(Side.COMPANY, COMPANY, web_client(f"xoxb-{COMPANY}", session, url)),
            SlackSeat(Side.ALUMNI, ALUMNI, web_client(f"xoxb-{ALUMNI}", session, url)),
        ]
        return Street(slack, SlackMessenger(seats, Renderer(sample_texts(), BRAND)), server)

    yield opener
    for close in closing:
        await close()


@pytest.fixture
async def street(open_street: Opener) -> Street:
    return await open_street()


def letter(delivery: str = "nudge:1:1", edits: Posted | None = None, card: Card = EVERYTHING) -> Outgoing:
    return Outgoing(delivery, card, "ja", edits)


async def test_a_person_is_found_by_company_address(street: Street) -> None:
    aiko = street.person(COMPANY)
    assert await street.messenger.find(Side.COMPANY, "aiko@example.jp") == aiko


@pytest.mark.parametrize("kind", ["guest", "stranger", "bot"])
async def test_who_is_no_employee_is_not_found(street: Street, kind: str) -> None:
    street.person(COMPANY, "aiko@example.jp", **{kind: True})
    with pytest.raises(Undeliverable) as told:
        await street.messenger.find(Side.COMPANY, "aiko@example.jp")
    assert told.value.reason == "not_in_workspace"


async def test_nobody_and_nobody_any_more_are_not_found(street: Street) -> None:
    ken = street.person(COMPANY, "ken@example.jp")
    await street.slack.leaves(COMPANY, ken.user)
    for email in ("nobody@example.jp", "ken@example.jp"):
        with pytest.raises(Undeliverable, match="not_in_workspace"):
            await street.messenger.find(Side.COMPANY, email)


async def test_a_guest_of_the_alumni_is_an_alumnus(street: Street) -> None:
    guest = street.person(ALUMNI, guest=True)
    assert await street.messenger.find(Side.ALUMNI, "aiko@example.jp") == guest


async def test_an_account_is_looked_at(street: Street) -> None:
    aiko = street.person(locale="en-GB", zone="Europe/London")
    assert await street.messenger.look(aiko) == Looks(Standing.MEMBER, "en", "Europe/London")
    ken = street.person(COMPANY, "ken@example.jp")
    assert await street.messenger.look(ken) == Looks(Standing.MEMBER, "ja", "Asia/Tokyo")


@pytest.mark.parametrize(
    ("kind", "standing"),
    [("guest", Standing.GUEST), ("single_channel", Standing.GUEST), ("stranger", Standing.STRANGER)],
)
async def test_guests_and_strangers_are_told_apart(street: Street, kind: str, standing: Standing) -> None:
    assert (await street.messenger.look(street.person(**{kind: True}))).standing is standing


async def test_who_is_gone_or_no_human_is_not_looked_at(street: Street) -> None:
    ken = street.person(COMPANY, "ken@example.jp")
    await street.slack.leaves(COMPANY, ken.user)
    for account in (ken, street.person(bot=True)):
        with pytest.raises(Undeliverable, match="account_inactive"):
            await street.messenger.look(account)
    with pytest.raises(Undeliverable, match="user_not_found"):
        await street.messenger.look(Address(Platform.SLACK, ALUMNI, "U0NOBODY"))
    with pytest.raises(Undeliverable, match="no_app"):
        await street.messenger.look(Address(Platform.SLACK, "T0OTHER", ken.user))


@pytest.mark.parametrize("word", ["ratelimited", "account_inactive", "internal_error"])
async def test_a_look_may_be_tried_again(street: Street, word: str) -> None:
    aiko = street.person()
    street.slack.faults.fail("users.info", word)
    with pytest.raises(Retry, match=word):
        await street.messenger.look(aiko)


async def test_a_moment_is_told_in_the_readers_zone(street: Street) -> None:
    aiko = street.person()
    moment = datetime(2026, 3, 31, 15, 0, tzinfo=UTC)
    card = Card(
        t("sample.title", name="愛子"), (Paragraph(t("sample.wrong", day=moment)),), t("sample.notice")
    )
    await street.messenger.send(aiko, Outgoing("nudge:1:1", card, "en"))
    await street.messenger.send(aiko, Outgoing("nudge:1:2", card, "en", zone="Europe/London"))
    tokyo, london = (str(message.blocks) for message in street.slack.messages(ALUMNI, aiko.user))
    assert "Apr 1, 2026, 00:00" in tokyo
    assert "Mar 31, 2026, 16:00" in london


async def test_the_address_stays_out_of_the_query(street: Street) -> None:
    asked: list[str] = []

    async def listen(request: web.Request) -> web.Response:
        asked.append(str(request.url))
        return web.json_response({"ok": False, "error": "users_not_found"})

    outside = web.Application()
    outside.router.add_post("/{method}", listen)
    async with TestServer(outside) as server, aiohttp.ClientSession() as session:
        seat = SlackSeat(Side.COMPANY, COMPANY, web_client("x", session, str(server.make_url("/"))))
        with pytest.raises(Undeliverable):
            await SlackMessenger([seat], Renderer(sample_texts(), BRAND)).find(
                Side.COMPANY, "aiko@example.jp"
            )
    assert asked
    assert "aiko" not in asked[0]


async def test_a_card_arrives_and_is_found_again(street: Street) -> None:
    aiko = street.person()
    posted = await street.messenger.send(aiko, letter())
    (message,) = street.slack.messages(ALUMNI, aiko.user)
    assert (message.ts, message.channel) == (posted.ref, posted.channel)
    assert message.text == "お知らせがあります"
    assert message.blocks
    assert await street.messenger.sent(aiko, "nudge:1:1") == posted
    assert await street.messenger.sent(aiko, "nudge:1:2") == Posted(posted.channel, "")


async def test_the_channel_is_asked_for_once(street: Street) -> None:
    aiko = street.person()
    for number in range(3):
        await street.messenger.send(aiko, letter(f"nudge:1:{number}"))
    assert street.calls("conversations.open") == 1


async def test_an_edit_replaces_the_message(street: Street) -> None:
    aiko = street.person()
    posted = await street.messenger.send(aiko, letter())
    changed = Card("新しい題", (Paragraph("済みました"),), t("sample.notice"))
    assert await street.messenger.send(aiko, letter("nudge:1:2", posted, changed)) == posted
    (message,) = street.slack.messages(ALUMNI, aiko.user)
    assert message.edited
    assert "済みました" in str(message.blocks)
    assert await street.messenger.sent(aiko, "nudge:1:2") == posted


async def test_a_sensitive_card_never_leaves(street: Street) -> None:
    aiko = street.person()
    with pytest.raises(Undeliverable, match="sensitive"):
        await street.messenger.send(aiko, letter(card=Card("合言葉", sensitive=True)))
    assert street.slack.messages(ALUMNI, aiko.user) == []


async def test_a_side_without_an_app_reaches_nobody(street: Street) -> None:
    nowhere = SlackMessenger([], Renderer(sample_texts(), BRAND))
    aiko = street.person()
    with pytest.raises(Undeliverable, match="no_app"):
        await nowhere.find(Side.COMPANY, "aiko@example.jp")
    with pytest.raises(Undeliverable, match="no_app"):
        await nowhere.send(aiko, letter())
    with pytest.raises(Undeliverable, match="no_app"):
        await street.messenger.send(Address(Platform.TEAMS, ALUMNI, "U1"), letter())


MEANINGS = [
    ("ratelimited", Retry),
    ("service_unavailable", Ambiguous),  # HTTP 503: the request had left
    ("internal_error", Ambiguous),
    ("fatal_error", Ambiguous),
    ("request_timeout", Retry),
    ("invalid_auth", Retry),
    ("token_revoked", Retry),
    ("channel_not_found", Undeliverable),
    ("account_inactive", Retry),  # our own token's account
    ("user_disabled", Undeliverable),
    ("is_archived", Undeliverable),
    ("cannot_dm_bot", Undeliverable),
    ("user_not_found", Undeliverable),
    ("missing_scope", Undeliverable),
    ("msg_blocks_too_long", Undeliverable),
]


@pytest.mark.parametrize(("word", "kind"), MEANINGS)
async def test_what_a_refused_post_means(street: Street, word: str, kind: type[Trouble]) -> None:
    aiko = street.person()
    street.slack.faults.fail("chat.postMessage", word, retry_after=7)
    with pytest.raises(kind) as told:
        await street.messenger.send(aiko, letter())
    assert str(told.value) == word
    if isinstance(told.value, Retry):
        assert told.value.after == {"ratelimited": 7, "request_timeout": 30}.get(word, 300)


@pytest.mark.parametrize("word", ["internal_error", "fatal_error", "service_unavailable", "ratelimited"])
async def test_reading_may_be_tried_again(street: Street, word: str) -> None:
    aiko = street.person()
    await street.messenger.send(aiko, letter())
    for method in ("conversations.history", "users.lookupByEmail"):
        street.slack.faults.fail(method, word)
    with pytest.raises(Retry):
        await street.messenger.sent(aiko, "nudge:1:1")
    with pytest.raises(Retry):
        await street.messenger.find(Side.ALUMNI, "aiko@example.jp")


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("internal_error", Ambiguous),
        ("fatal_error", Ambiguous),
        ("update_failed", Retry),
        ("ratelimited", Away),
    ],
)
async def test_whether_an_edit_was_made_may_be_unknown(
    street: Street, word: str, kind: type[Trouble]
) -> None:
    aiko = street.person()
    posted = await street.messenger.send(aiko, letter())
    street.slack.faults.fail("chat.update", word)
    with pytest.raises(kind, match=word):
        await street.messenger.send(aiko, letter("nudge:1:2", posted))


async def test_a_lost_answer_is_ambiguous_and_can_be_asked_for(street: Street) -> None:
    aiko = street.person()
    street.slack.faults.drop_after_accept("chat.postMessage")
    with pytest.raises(Ambiguous):
        await street.messenger.send(aiko, letter())
    assert street.calls("chat.postMessage") == 1
    (message,) = street.slack.messages(ALUMNI, aiko.user)
    assert await street.messenger.sent(aiko, "nudge:1:1") == Posted(message.channel, message.ts)


async def test_silence_is_ambiguous_for_a_post_and_a_retry_for_the_rest(open_street: Opener) -> None:
    street = await open_street(patience=PATIENCE)
    aiko = street.person()
    street.slack.faults.hang("conversations.open", PATIENCE * 2)
    with pytest.raises(Retry):
        await street.messenger.send(aiko, letter())
    street.slack.faults.hang("chat.postMessage", PATIENCE * 2)
    with pytest.raises(Ambiguous):
        await street.messenger.send(aiko, letter())
    await street.slack.settle()


async def test_nobody_listening_is_a_retry_even_for_a_post(street: Street) -> None:
    aiko = street.person()
    await street.messenger.send(aiko, letter())
    await street.server.close()
    with pytest.raises(Ambiguous):  # the connection kept open: nobody knows how far the words came
        await street.messenger.send(aiko, letter("nudge:1:2"))
    with pytest.raises(Retry, match="unreachable"):
        await street.messenger.send(aiko, letter("nudge:1:2"))


@pytest.mark.parametrize(
    ("status", "kind"), [(502, "text/html"), (500, "text/plain"), (200, "text/html"), (403, "text/html")]
)
async def test_a_page_of_somebody_else_in_place_of_slack_is_ambiguous(status: int, kind: str) -> None:
    async def proxy(request: web.Request) -> web.Response:
        if request.path.endswith("conversations.open"):
            return web.json_response({"ok": True, "channel": {"id": "D1"}})
        return web.Response(status=status, text="<html>", content_type=kind)

    outside = web.Application()
    outside.router.add_post("/{method}", proxy)
    async with TestServer(outside) as server, aiohttp.ClientSession() as session:
        seat = SlackSeat(Side.ALUMNI, ALUMNI, web_client("x", session, str(server.make_url("/"))))
        messenger = SlackMessenger([seat], Renderer(sample_texts(), BRAND))
        with pytest.raises(Ambiguous, match=f"http_{status}"):
            await messenger.send(Address(Platform.SLACK, ALUMNI, "U1"), letter())


async def test_without_the_history_scope_the_question_is_answered_as_such(open_street: Opener) -> None:
    street = await open_street([scope for scope in SCOPES if scope != "im:history"])
    aiko = street.person()
    await street.messenger.send(aiko, letter())
    with pytest.raises(Undeliverable, match="missing_scope"):
        await street.messenger.sent(aiko, "nudge:1:1")
