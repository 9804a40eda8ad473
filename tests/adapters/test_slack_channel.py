"""Cards in a channel: posted and edited there, nobody called by them, and what one person's press brings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bot.commands import find, profile
from bot.conversation import (
    Address,
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
    t,
)  # fmt: skip
from bot.errors import Ambiguous, Retry, Trouble, Undeliverable
from bot.playground import CHANNEL
from bot.ports import Posted
from bot.post import Letter, to_channel
from storage.consents import Purpose
from tests.adapters.test_slack_messenger import (
    ALUMNI,
    COMPANY,
    SCOPES,
    Opener,
    Street,
    letter,
    open_street,
)  # fmt: skip
from tests.knocks import a_member
from tests.world import ALUMNI as ALUMNI_TEAM
from tests.world import Somebody, World

__all__ = ["open_street"]


@pytest.fixture
async def street(open_street: Opener) -> Street:
    return await open_street([*SCOPES, "channels:history"])


def channel(street: Street, *, inside: bool = True, private: bool = False) -> Address:
    """A channel of the alumni workspace, with the bot in it or not."""
    made = street.slack.add_channel(ALUMNI, "comeback", private=private)
    if inside:
        street.slack.invites(ALUMNI, made)
    return Address(Platform.SLACK, ALUMNI, made)


def pieces(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in some blocks."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from pieces(value)
    elif isinstance(node, list | tuple):
        for item in node:
            yield from pieces(item)


async def test_a_card_is_posted_in_the_channel_itself_and_found_again(street: Street) -> None:
    place = channel(street)
    posted = await street.messenger.send(place, letter())
    (message,) = street.slack.channel_messages(ALUMNI, place.user)
    assert posted == Posted(place.user, message.ts)
    assert await street.messenger.sent(place, "nudge:1:1") == posted
    assert await street.messenger.sent(place, "nudge:1:2") == Posted(place.user, "")
    assert street.calls("conversations.open") == 0


async def test_it_is_edited_where_it_stands(street: Street) -> None:
    place = channel(street)
    posted = await street.messenger.send(place, letter())
    changed = Card("募集を終了しました", (), t("sample.notice"))
    assert await street.messenger.send(place, letter("nudge:1:2", posted, changed)) == posted
    (message,) = street.slack.channel_messages(ALUMNI, place.user)
    assert message.edited
    assert "募集を終了しました" in str(message.blocks)


SHOUT = "<!channel> hi @here @everyone <!subteam^S1> <@U0AIKO> <https://evil.example|営業>"


@pytest.mark.parametrize("edits", [False, True])
async def test_nobody_is_called_by_what_somebody_typed(street: Street, edits: bool) -> None:
    """Source: only mrkdwn, and `broadcast`, `user`, `usergroup` and `channel` in rich text, call anybody."""
    place, aiko = channel(street), street.person()
    shout = Card(
        SHOUT,
        (
            Paragraph(SHOUT), Note(SHOUT), Facts(((SHOUT, SHOUT),)), Entry(SHOUT, SHOUT),
            Paragraph(t("sample.title", name=Mention(aiko))), Buttons((Button(SHOUT, Bound("x.y")),)),
        ),
        t("sample.title", name=SHOUT),
    )  # fmt: skip
    stands = await street.messenger.send(place, letter("nudge:1:0")) if edits else None
    await street.messenger.send(place, letter(edits=stands, card=shout))
    (message,) = street.slack.channel_messages(ALUMNI, place.user)
    assert "<!channel> hi @here" in str(message.blocks), "it is shown as it was typed"
    kinds = {str(piece.get("type")) for piece in pieces(message.blocks)}
    assert not kinds & {"broadcast", "user", "usergroup", "channel", "link"}
    marked = [piece["text"] for piece in pieces(message.blocks) if piece.get("type") == "mrkdwn"]
    assert not [text for text in marked if "<!" in text or "<@" in text]
    assert "<" not in message.text
    (call,) = street.slack.calls("chat.update" if edits else "chat.postMessage")[-1:]
    assert (call.args["parse"], call.args["link_names"]) == ("none", False)


async def test_in_a_direct_message_accounts_are_still_mentioned(street: Street) -> None:
    aiko = street.person()
    card = Card("x", (Paragraph(t("sample.title", name=Mention(aiko))),), t("sample.notice"))
    await street.messenger.send(aiko, letter(card=card))
    (message,) = street.slack.messages(ALUMNI, aiko.user)
    assert "user" in {piece.get("type") for piece in pieces(message.blocks)}


@pytest.mark.parametrize("private", [False, True])
async def test_without_an_invitation_there_is_no_way_in(street: Street, private: bool) -> None:
    place = channel(street, inside=False, private=private)
    word = "channel_not_found" if private else "not_in_channel"
    with pytest.raises(Undeliverable, match=word):
        await street.messenger.send(place, letter())
    with pytest.raises(Undeliverable, match="missing_scope" if private else word):
        await street.messenger.sent(place, "nudge:1:1")
    with pytest.raises(Undeliverable, match="channel_not_found"):
        await street.messenger.send(Address(Platform.SLACK, ALUMNI, "C0NOWHERE"), letter())
    with pytest.raises(Undeliverable, match="channel_not_found"):
        await street.messenger.send(Address(Platform.SLACK, COMPANY, place.user), letter())


async def test_an_archived_channel_takes_and_changes_nothing(street: Street) -> None:
    place = channel(street)
    posted = await street.messenger.send(place, letter())
    street.slack.archives(ALUMNI, place.user)
    with pytest.raises(Undeliverable, match="is_archived"):
        await street.messenger.send(place, letter("nudge:1:2"))
    with pytest.raises(Undeliverable, match="is_inactive"):
        await street.messenger.send(place, letter("nudge:1:2", posted))
    assert await street.messenger.sent(place, "nudge:1:1") == posted


async def test_what_was_deleted_cannot_be_edited(street: Street) -> None:
    place = channel(street)
    posted = await street.messenger.send(place, letter())
    street.slack.deletes(ALUMNI, place.user, posted.ref)
    with pytest.raises(Undeliverable, match="message_not_found"):
        await street.messenger.send(place, letter("nudge:1:2", posted))
    assert await street.messenger.sent(place, "nudge:1:1") == Posted(place.user, "")


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("edit_window_closed", Undeliverable),
        ("cant_update_message", Undeliverable),
        ("no_permission", Undeliverable),
        ("update_failed", Retry),
        ("external_channel_migrating", Retry),
    ],
)
async def test_what_a_refused_edit_means(street: Street, word: str, kind: type[Trouble]) -> None:
    place = channel(street)
    posted = await street.messenger.send(place, letter())
    street.slack.faults.fail("chat.update", word)
    with pytest.raises(kind, match=word):
        await street.messenger.send(place, letter("nudge:1:2", posted))


async def test_a_lost_answer_can_be_asked_for_if_the_scope_is_there(open_street: Opener) -> None:
    street = await open_street(SCOPES)
    place = channel(street)
    street.slack.faults.drop_after_accept("chat.postMessage")
    with pytest.raises(Ambiguous):
        await street.messenger.send(place, letter())
    with pytest.raises(Undeliverable, match="missing_scope"):
        await street.messenger.sent(place, "nudge:1:1")


# --- pressed in a channel ----------------------------------------------------------------------------------


async def with_a_button(world: World, label: str, bound: Bound) -> None:
    """A card of ours with a button stands in the channel."""
    card = Card("求人", (Buttons((Button(label, bound),)),), t("common.notice"))
    place = Address(Platform.SLACK, ALUMNI_TEAM, CHANNEL)
    world.writes(lambda tx: to_channel(tx, place, Letter("test.card", card, "1", Purpose.OPENINGS)))
    await world.settle()


async def presses_there(world: World, who: Somebody, action: str) -> None:
    (message,) = world.slack.channel_messages(ALUMNI_TEAM, CHANNEL)
    (element,) = [one for one in pieces(message.blocks) if one.get("type") == "button"]
    assert element["action_id"].startswith(action)
    press = {"action": element["action_id"], "value": element["value"], "ts": message.ts}
    assert (await world.slack.presses(ALUMNI_TEAM, who.alumni_user, **press)).ok
    await world.answered()


async def test_what_one_press_brings_never_takes_the_place_of_what_all_read(world: World) -> None:
    member, other = a_member(world, "佐藤 健"), a_member(world, "髙橋 愛子")
    await with_a_button(world, "次へ", find.turn("髙橋", 1))
    await presses_there(world, member, "find.turn")
    (message,) = world.slack.channel_messages(ALUMNI_TEAM, CHANNEL)
    assert not message.edited
    assert "髙橋" in member.sees()
    assert "髙橋" not in other.sees()


async def test_nor_does_what_a_form_opened_there_brings(world: World) -> None:
    member = a_member(world, "佐藤 健")
    await with_a_button(world, "編集", profile.edit())
    await presses_there(world, member, "profile.edit")
    view = member.modal()
    assert view is not None
    assert '""' in view.private_metadata, "no way back to the message that everybody reads"
    await member.fills(employer="北浜テック")
    (message,) = world.slack.channel_messages(ALUMNI_TEAM, CHANNEL)
    assert not message.edited


async def test_the_playground_posts_in_its_channel_and_everybody_there_reads_it(world: World) -> None:
    member = a_member(world, "佐藤 健")
    await with_a_button(world, "見る", find.turn("髙橋", 1))
    assert world.ground.app.core.policy.channels == (f"slack:{ALUMNI_TEAM}:{CHANNEL}",)
    assert CHANNEL in [one.id for one in world.slack.channels(ALUMNI_TEAM, member.alumni_user)]
    assert "求人" in world.in_channel()
    world.slack.kicks(ALUMNI_TEAM, CHANNEL)
    assert (
        world.slack.workspace(ALUMNI_TEAM).app.bot_user
        not in world.slack.workspace(ALUMNI_TEAM).channels[CHANNEL].members
    )
