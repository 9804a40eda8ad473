"""The messenger against the local Teams: who is found, how first contact is made, what failures mean."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.playground.teams_state import INSTALL_ROLE, USER_ROLE
from bot.conversation import Address, Card, Paragraph, Platform, Side, Standing, t
from bot.errors import Ambiguous, Retry, Trouble, Undeliverable
from bot.ports import Looks, Messenger, Outgoing, Posted
from jobs import accounts as account_jobs
from jobs.messengers import Messengers
from storage import accounts, references
from storage.accounts import Account
from storage.engine import Tx
from tests.adapters.teams_street import APPS, TENANTS, Street, a_team, says, street_in

COMPANY, ALUMNI = Side.COMPANY, Side.ALUMNI
CARD = Card("会いましょう", (Paragraph("お元気ですか"),), t("common.notice"))


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with street_in(tmp_path) as made:
        yield made


@pytest.fixture
def messenger(street: Street) -> Messenger:
    return street.app.doors.chats[ALUMNI]


def new(street: Street, side: Side = ALUMNI, mail: str = "aiko@example.jp", **details: bool | str) -> Address:
    """An account of whom the bot has never heard."""
    who = street.teams.add_person(TENANTS[side], name="髙橋 愛子", mail=mail, **details)  # type: ignore[arg-type]
    return Address(Platform.TEAMS, TENANTS[side], who)


def letter(delivery: str = "nudge:1:1", edits: Posted | None = None, card: Card = CARD) -> Outgoing:
    return Outgoing(delivery, card, "ja", edits)


async def met(street: Street, side: Side = ALUMNI, locale: str = "ja") -> Address:
    """Somebody who has said something to the bot."""
    who = street.stranger("佐藤 健", locale, side=side)
    await says(street, who, "help", side)
    return Address(Platform.TEAMS, TENANTS[side], who)


async def heard_of(street: Street) -> None:
    """Somebody else of the alumni's tenant spoke, so where its connector is, is known."""
    await met(street)


# --- who is found, and how they look -------------------------------------------------------------------


async def test_an_employee_is_found_by_address(street: Street, messenger: Messenger) -> None:
    aiko = new(street, COMPANY)
    new(street, COMPANY, "ken.o'hara@example.jp")
    assert await messenger.find(COMPANY, "Aiko@example.jp") == aiko
    assert (await messenger.find(COMPANY, "ken.o'hara@example.jp")).workspace == TENANTS[COMPANY]


@pytest.mark.long
@pytest.mark.parametrize("how", ["guest", "disabled", "nobody", "elsewhere", "twice"])
async def test_who_is_not_surely_the_employee_is_not_found(
    street: Street, messenger: Messenger, how: str
) -> None:
    if how == "twice":
        new(street, COMPANY, login="a@company.example.jp")
        new(street, COMPANY, login="b@company.example.jp")
    elif how == "elsewhere":
        new(street, ALUMNI)
    elif how != "nobody":
        aiko = new(street, COMPANY, guest=how == "guest")
        street.teams.admin.changes(aiko.user, disabled=how == "disabled")
    with pytest.raises(Undeliverable) as told:
        await messenger.find(COMPANY, "aiko@example.jp")
    assert told.value.reason == "not_in_workspace"


async def test_a_guest_of_the_alumni_is_an_alumnus(street: Street, messenger: Messenger) -> None:
    guest = new(street, guest=True)
    assert await messenger.find(ALUMNI, "aiko@example.jp") == guest
    assert await messenger.look(guest) == Looks(Standing.MEMBER, "ja", "")
    visitor = new(street, COMPANY, "visitor@example.jp", guest=True)
    assert await messenger.look(visitor) == Looks(Standing.GUEST, "ja", "")


async def test_an_account_is_looked_at(street: Street, messenger: Messenger) -> None:
    assert await messenger.look(new(street, locale="en-GB")) == Looks(Standing.MEMBER, "en", "")
    ken = new(street, mail="ken@example.jp")
    street.teams.admin.changes(ken.user, disabled=True)
    with pytest.raises(Undeliverable, match="account_inactive"):
        await messenger.look(ken)
    with pytest.raises(Undeliverable, match="ResourceNotFound"):
        await messenger.look(Address(Platform.TEAMS, TENANTS[ALUMNI], "cccccccc-0000-4000-8000-000000000009"))
    for stranger in (Address(Platform.TEAMS, "other", ken.user), Address(Platform.SLACK, "T1", "U1")):
        with pytest.raises(Undeliverable, match="no_app"):
            await messenger.look(stranger)


async def test_without_consent_the_roster_says_it_or_nobody_does(
    street: Street, messenger: Messenger
) -> None:
    street.teams.admin.consents(APPS[ALUMNI], INSTALL_ROLE)
    ken = await met(street, locale="en")
    assert await messenger.look(ken) == Looks(Standing.MEMBER, "en", "")
    with pytest.raises(Retry, match="Forbidden") as told:
        await messenger.look(new(street))
    assert told.value.after == 0


# --- first contact -------------------------------------------------------------------------------------


async def test_whom_the_bot_never_met_gets_the_app_and_the_letter(
    street: Street, messenger: Messenger
) -> None:
    await heard_of(street)
    aiko = new(street)
    posted = await messenger.send(aiko, letter())
    assert street.teams.has(aiko.user)
    (message,) = street.teams.chat(aiko.user)
    assert (message.conversation, message.id) == (posted.channel, posted.ref)
    await street.quiet()
    await messenger.send(aiko, letter("nudge:1:2"))
    assert len(street.teams.calls("install")) == 1
    assert len(street.teams.chat(aiko.user)) == 2, "the letters, and no greeting"


@pytest.mark.long
async def test_a_tenant_that_never_spoke_says_where_it_is_after_the_installation(
    street: Street, messenger: Messenger
) -> None:
    aiko = new(street)
    street.teams.faults.delays["login"] = 1.5  # Teams' keys, without which its word is not believed
    with pytest.raises(Retry, match="installing") as told:
        await messenger.send(aiko, letter())
    assert told.value.after == 0, "nobody else waits for it"
    with pytest.raises(Retry, match="installing"):
        await messenger.send(aiko, letter("nudge:1:2"))  # the app is there now, word of it is on its way
    street.teams.faults.delays.clear()
    await street.quiet()
    await messenger.send(aiko, letter())
    assert len(street.teams.chat(aiko.user)) == 1


async def test_an_app_that_is_there_already_is_fine(street: Street, messenger: Messenger) -> None:
    aiko = new(street)
    street.teams.has_app(aiko.user)
    with pytest.raises(Undeliverable, match="no_service_url"):
        await messenger.send(aiko, letter())
    await heard_of(street)
    await messenger.send(aiko, letter())
    assert len(street.teams.chat(aiko.user)) == 1
    assert len(street.teams.calls("install")) == 1


@pytest.mark.parametrize("how", ["policy", "consent"])
async def test_an_administrators_no_is_final(street: Street, messenger: Messenger, how: str) -> None:
    await heard_of(street)
    aiko = new(street)
    if how == "policy":
        street.teams.admin.forbids(APPS[ALUMNI], aiko.user)
    else:
        street.teams.admin.consents(APPS[ALUMNI], USER_ROLE)
    with pytest.raises(Undeliverable):
        await messenger.send(aiko, letter())
    assert not street.teams.has(aiko.user)


async def test_who_removed_the_app_is_not_given_it_again(street: Street, messenger: Messenger) -> None:
    ken = await met(street)
    await street.teams.uninstalls(ken.user)
    await street.quiet()
    with pytest.raises(Undeliverable, match="not_installed"):
        await messenger.send(ken, letter())
    assert not street.teams.calls("install")


async def test_who_blocked_the_bot_is_lost_until_they_speak(street: Street, messenger: Messenger) -> None:
    ken = await met(street)
    street.teams.faults.fail("send", 403, code="MessageWritesBlocked")
    with pytest.raises(Undeliverable, match="MessageWritesBlocked"):
        await messenger.send(ken, letter())
    way = street.reads(lambda tx: references.find(tx, ken))
    assert way is not None
    assert way.conversation == ""


# --- messages ------------------------------------------------------------------------------------------


async def test_an_edit_replaces_the_message(street: Street, messenger: Messenger) -> None:
    ken = await met(street)
    posted = await messenger.send(ken, letter())
    changed = Card("済みました", (Paragraph("ありがとうございました"),), t("common.notice"))
    assert await messenger.send(ken, letter("nudge:1:2", posted, changed)) == posted
    message = street.teams.chat(ken.user)[-1]
    assert message.edited
    assert "済みました" in str(message.activity)
    street.teams.faults.fail("update", 404)
    with pytest.raises(Undeliverable):
        await messenger.send(ken, letter("nudge:1:3", posted, changed))
    assert await messenger.send(ken, letter("nudge:1:4")) is not None, "only the message was gone"


async def test_a_channel_is_posted_into(street: Street, messenger: Messenger) -> None:
    ken = await met(street)
    channel = await a_team(street, ken.user)
    posted = await messenger.send(Address(Platform.TEAMS, TENANTS[ALUMNI], channel), letter())
    assert posted.channel == channel
    assert posted.ref in [one.id for one in street.teams.messages(channel)]


async def test_a_secret_is_no_message_and_nothing_is_known_of_what_was_sent(
    street: Street, messenger: Messenger
) -> None:
    ken = await met(street)
    with pytest.raises(Undeliverable, match="sensitive"):
        await messenger.send(ken, letter(card=Card("秘密", (), t("common.notice"), sensitive=True)))
    await messenger.send(ken, letter())
    with pytest.raises(Ambiguous, match="not_told"):
        await messenger.sent(ken, "nudge:1:1")
    with pytest.raises(Undeliverable, match="no_app"):
        await messenger.sent(Address(Platform.TEAMS, "other", ken.user), "nudge:1:1")


@pytest.mark.parametrize("status", [412, 429, 502, 504])
async def test_later_is_later(street: Street, messenger: Messenger, status: int) -> None:
    ken = await met(street)
    street.teams.faults.fail("send", status, retry_after=17)
    with pytest.raises(Retry) as told:
        await messenger.send(ken, letter())
    assert told.value.after == 17


@pytest.mark.long
@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Undeliverable), (401, Retry), (404, Undeliverable), (413, Undeliverable), (500, Ambiguous)],
)
async def test_what_a_failure_means(
    street: Street, messenger: Messenger, status: int, kind: type[Trouble]
) -> None:
    ken = await met(street)
    street.teams.faults.fail("send", status, times=2 if status == 401 else 1)
    with pytest.raises(kind):
        await messenger.send(ken, letter())
    street.teams.faults.drop_after_accept("send")
    with pytest.raises(Ambiguous):
        await messenger.send(ken, letter())


async def test_a_token_that_is_not_taken_is_asked_for_anew_once(street: Street, messenger: Messenger) -> None:
    ken = await met(street)
    street.teams.faults.fail("send", 401)
    before = len(street.teams.chat(ken.user)), len(street.teams.calls("token"))
    await messenger.send(ken, letter())
    after = len(street.teams.chat(ken.user)), len(street.teams.calls("token"))
    assert [b - a for a, b in zip(before, after, strict=True)] == [1, 1]


@pytest.mark.parametrize("status", [401, 429, 500, 503])
async def test_a_broken_graph_is_asked_later(street: Street, messenger: Messenger, status: int) -> None:
    aiko = new(street, COMPANY)
    street.teams.faults.fail("graph", status, retry_after=9)
    with pytest.raises(Retry) as told:
        await messenger.find(COMPANY, "aiko@example.jp")
    assert told.value.after == (300 if status == 401 else 9)
    assert await messenger.find(COMPANY, "aiko@example.jp") == aiko
    street.teams.faults.drop_after_accept("graph", times=2)  # aiohttp asks again on a kept line
    with pytest.raises(Retry, match="graph_unreachable"):
        await messenger.look(aiko)


# --- beside another platform ---------------------------------------------------------------------------


class Elsewhere:
    """A platform that knows nobody."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble

    async def find(self, side: Side, email: str) -> Address:
        raise self.trouble

    async def look(self, account: Address) -> Looks:
        raise self.trouble

    async def send(self, to: Address, message: Outgoing) -> Posted:
        raise self.trouble

    async def sent(self, to: Address, delivery: str) -> Posted | None:
        raise self.trouble


def beside(messenger: Messenger, trouble: Trouble) -> Messengers:
    return Messengers({Platform.SLACK: Elsewhere(trouble), Platform.TEAMS: messenger})


async def test_platforms_are_asked_in_their_order(street: Street, messenger: Messenger) -> None:
    aiko = new(street, COMPANY)
    both = beside(messenger, Undeliverable("missing_scope"))
    assert await both.find(COMPANY, "aiko@example.jp") == aiko
    with pytest.raises(Undeliverable, match="not_in_workspace"):
        await both.find(COMPANY, "nobody@example.jp")
    street.teams.faults.fail("users", 403)
    with pytest.raises(Undeliverable, match="find_forbidden"):
        await beside(messenger, Undeliverable("not_in_workspace")).find(COMPANY, "nobody@example.jp")
    with pytest.raises(Retry, match="ratelimited"):
        await beside(messenger, Retry("ratelimited", 30.0)).find(COMPANY, "aiko@example.jp")
    with pytest.raises(Undeliverable, match="no_app"):
        await Messengers({}).find(COMPANY, "aiko@example.jp")


async def test_an_account_is_spoken_to_on_its_platform(street: Street, messenger: Messenger) -> None:
    ken, both = await met(street), beside(messenger, Undeliverable("elsewhere"))
    posted = await both.send(ken, letter())
    assert posted.ref == street.teams.chat(ken.user)[-1].id
    with pytest.raises(Ambiguous, match="not_told"):
        await both.sent(ken, "nudge:1:1")
    with pytest.raises(Undeliverable, match="no_app"):
        await both.look(Address(Platform.WEB, "alumni", "P1"))


async def test_a_look_leaves_what_nobody_says_and_marks_only_who_is_gone(
    street: Street, messenger: Messenger
) -> None:
    ken, gone = await met(street), await met(street)
    slack = Address(Platform.SLACK, "T0OLD", "U1")
    street.teams.admin.changes(ken.user, locale="en-US")
    street.teams.admin.deletes(gone.user)

    def note(tx: Tx) -> None:
        accounts.note(tx, slack, ALUMNI)

    database = street.app.core.database
    database.run_now(note)
    only_teams = Messengers({Platform.TEAMS: messenger})
    assert await account_jobs.look(database, {ALUMNI: only_teams})

    def rows(tx: Tx) -> list[Account]:
        return [tx.get_one(Account, str(one)) for one in (ken, gone, slack)]

    first, second, third = street.reads(rows)
    assert (first.locale, first.zone) == ("en", "Asia/Tokyo")
    assert [first.gone, second.gone, third.gone] == [False, True, False]
    assert third.looked_at is not None
