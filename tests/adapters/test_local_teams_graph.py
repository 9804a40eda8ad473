"""Microsoft Graph of the local Teams over HTTP: installing for a person, guests, teams, users."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest

from adapters.playground.local_teams import LocalTeams
from tests.adapters.teams_bot import BOT, GUESTS, TENANT, Bot, served
from tests.adapters.wire_app import Wire

UNKNOWN = "33333333-3333-4333-8333-333333333333"
INSTALL = "TeamsAppInstallation.ReadWriteSelfForUser.All"


@pytest.fixture
async def bot() -> AsyncIterator[Bot]:
    async with served(LocalTeams(Wire())) as found:
        yield found


@pytest.fixture
def aiko(bot: Bot) -> str:
    return bot.teams.add_person(TENANT, name="田中 愛子", mail="aiko@example.co.jp")


async def bound(bot: Bot) -> dict[str, str]:
    """The body of an installation: the catalogue's id of our package."""
    where = quote("externalId eq 'package-company'")
    _, found = await bot.graph("GET", f"/appCatalogs/teamsApps?$filter={where}")
    [app] = found["value"]
    assert app["id"] not in (BOT, "package-company")
    return {"teamsApp@odata.bind": f"https://graph.microsoft.com/v1.0/appCatalogs/teamsApps/{app['id']}"}


def apps(person: str) -> str:
    return f"/users/{person}/teamwork/installedApps"


def code(body: Any) -> str:
    return str(body["error"]["code"])


# --- installing -------------------------------------------------------------------------------------------


async def test_the_app_is_installed_for_a_person_and_the_bot_hears_it(bot: Bot, aiko: str) -> None:
    body = await bound(bot)
    assert await bot.graph("POST", apps(aiko), body) == (201, None)
    await bot.teams.settle()
    assert [one["type"] for one in bot.heard] == ["conversationUpdate", "installationUpdate"]
    status, again = await bot.graph("POST", apps(aiko), body)
    assert (status, code(again)) == (409, "Conflict")
    assert {"date", "request-id", "client-request-id"} == again["error"]["innerError"].keys()
    assert bot.teams.has(aiko)


async def test_an_installation_is_found_and_leads_to_the_chat(bot: Bot, aiko: str) -> None:
    query = "?$expand=teamsApp,teamsAppDefinition&$filter=" + quote(
        "teamsApp/externalId eq 'package-company'"
    )
    assert (await bot.graph("GET", apps(aiko) + query))[1]["value"] == []
    await bot.graph("POST", apps(aiko), await bound(bot))
    [found] = (await bot.graph("GET", apps(aiko) + query))[1]["value"]
    assert found["teamsApp"]["externalId"] == "package-company"
    assert found["teamsAppDefinition"]["teamsAppId"] == found["teamsApp"]["id"]
    [bare] = (await bot.graph("GET", apps(aiko)))[1]["value"]
    assert bare == {"id": found["id"]}
    other = "?$filter=" + quote("teamsApp/id eq 'x'")
    assert (await bot.graph("GET", apps(aiko) + other))[1]["value"] == []
    status, chat = await bot.graph("GET", f"{apps(aiko)}/{found['id']}/chat")
    assert (status, chat["chatType"]) == (200, "oneOnOne")
    assert chat["id"] == f"19:{aiko}_{BOT}@unq.gbl.spaces"
    assert (await bot.posts(chat["id"], text="はじめまして"))[0] == 201
    assert [one.text for one in bot.teams.chat(aiko)] == ["はじめまして"]
    assert (await bot.graph("GET", f"{apps(aiko)}/other/chat"))[0] == 404
    await bot.teams.settle()
    assert await bot.graph("DELETE", f"{apps(aiko)}/{found['id']}") == (204, None)
    await bot.teams.settle()
    assert bot.heard[-1]["action"] == "remove"


async def test_why_an_installation_is_refused(bot: Bot, aiko: str) -> None:
    body = await bound(bot)
    status, found = await bot.graph("POST", apps(UNKNOWN), body)
    assert (status, code(found)) == (404, "Request_ResourceNotFound")
    assert (await bot.graph("POST", apps(aiko), {}))[0] == 400
    wrong = {"teamsApp@odata.bind": f"https://graph.microsoft.com/v1.0/appCatalogs/teamsApps/{BOT}"}
    assert (await bot.graph("POST", apps(aiko), wrong))[0] == 404
    bot.teams.admin.forbids(BOT, aiko)
    status, found = await bot.graph("POST", apps(aiko), body)
    assert (status, "policy" in found["error"]["message"]) == (403, True)
    assert bot.heard == []


async def test_consent_counts_from_the_next_token_on(bot: Bot, aiko: str) -> None:
    body = await bound(bot)
    bot.teams.admin.consents(BOT, "User.Read.All")
    assert (await bot.graph("POST", apps(aiko), body))[0] == 201
    bot.tokens.clear()
    status, found = await bot.graph("POST", apps(aiko), body)
    assert (status, code(found)) == (403, "Forbidden")
    assert INSTALL in found["error"]["message"]
    for method, path in (
        ("GET", apps(aiko)),
        ("POST", "/invitations"),
        ("POST", "/teams/x/members"),
        ("POST", "/groups/x/members/$ref"),
        ("GET", "/appCatalogs/teamsApps"),
    ):
        assert (await bot.graph(method, path, {} if method == "POST" else None))[0] == 403
    assert (await bot.graph("GET", f"/users/{aiko}"))[0] == 200


async def test_a_bad_token_is_401_in_graphs_words(bot: Bot, aiko: str) -> None:
    url = f"{bot.teams.urls(BOT)['graph']}/v1.0/users/{aiko}"
    async with bot.http.get(url, headers={"Authorization": f"Bearer {await bot.token()}"}) as answer:
        body = await answer.json()
    assert (answer.status, code(body)) == (401, "InvalidAuthenticationToken")


async def test_graph_fails_and_waits_as_it_is_told(bot: Bot, aiko: str) -> None:
    body = await bound(bot)
    bot.teams.faults.fail("install", 429, retry_after=30)
    bot.teams.faults.fail("chat", 404, code="NotFound")
    assert (await bot.graph("POST", apps(aiko), body))[0] == 429
    assert (await bot.graph("POST", apps(aiko), body))[0] == 201
    [found] = (await bot.graph("GET", apps(aiko)))[1]["value"]
    assert (await bot.graph("GET", f"{apps(aiko)}/{found['id']}/chat"))[0] == 404
    assert (await bot.graph("GET", f"{apps(aiko)}/{found['id']}/chat"))[0] == 200
    assert [one.status for one in bot.teams.calls("install")] == [429, 201]


# --- guests and teams -------------------------------------------------------------------------------------


async def test_a_guest_is_invited_and_invited_again(bot: Bot) -> None:
    asked = {
        "invitedUserEmailAddress": "Ken@example.org",
        "inviteRedirectUrl": "https://alumni.example.co.jp/",
        "invitedUserDisplayName": "Ken",
        "sendInvitationMessage": True,
        "invitedUserMessageInfo": {"messageLanguage": "ja-JP", "customizedMessageBody": "ようこそ"},
    }
    status, found = await bot.graph("POST", "/invitations", asked)
    assert (status, found["status"], found["invitedUserType"]) == (201, "PendingAcceptance", "Guest")
    assert found["inviteRedirectUrl"] == "https://alumni.example.co.jp/"
    ken = found["invitedUser"]["id"]
    person = bot.teams.person(ken)
    assert (person.guest, person.pending, person.mail) == (True, True, "ken@example.org")
    [invitation] = bot.teams.invitations(TENANT)
    assert (invitation.mailed, invitation.language, invitation.body) == (True, "ja-JP", "ようこそ")
    assert invitation.url == found["inviteRedeemUrl"]
    bot.teams.redeems(ken)
    _, again = await bot.graph("POST", "/invitations", asked)
    assert (again["invitedUser"]["id"], again["status"]) == (ken, "Completed")


async def test_who_cannot_be_invited(bot: Bot, aiko: str) -> None:
    back = {"inviteRedirectUrl": "https://example.com/"}
    for mail in ("aiko@example.co.jp", "nobody", ""):
        status, body = await bot.graph("POST", "/invitations", back | {"invitedUserEmailAddress": mail})
        assert (status, code(body)) == (400, "BadRequest")
    assert (await bot.graph("POST", "/invitations", {"invitedUserEmailAddress": "a@example.org"}))[0] == 400


async def test_a_guest_comes_into_the_team_by_either_door(bot: Bot, aiko: str) -> None:
    ken = bot.teams.add_person(TENANT, name="Ken", mail="ken@example.org", guest=True)
    team = bot.teams.add_team(TENANT, "Alumni")
    await bot.teams.adds_bot(aiko, team.id)
    asked = {
        "@odata.type": "#microsoft.graph.aadUserConversationMember",
        "roles": ["guest"],
        "user@odata.bind": f"https://graph.microsoft.com/v1.0/users('{ken}')",
    }
    status, found = await bot.graph("POST", f"/teams/{team.group}/members", asked)
    assert (status, found["userId"], found["roles"]) == (201, ken, ["guest"])
    await bot.teams.settle()
    assert bot.heard[-1]["membersAdded"][0]["aadObjectId"] == ken
    assert (await bot.graph("POST", f"/teams/{team.group}/members", asked))[0] == 409
    reference = {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{aiko}"}
    path = f"/groups/{team.group}/members/$ref"
    assert await bot.graph("POST", path, reference) == (204, None)
    status, body = await bot.graph("POST", path, reference)
    assert (status, code(body), "already exist" in body["error"]["message"]) == (
        400,
        "Request_BadRequest",
        True,
    )
    assert (await bot.graph("POST", f"/teams/{UNKNOWN}/members", asked))[0] == 404
    assert (await bot.graph("POST", path, {"@odata.id": "x"}))[0] == 400
    assert team.members == {ken, aiko}


# --- users ------------------------------------------------------------------------------------------------


async def test_users_are_found_by_id_login_and_address(bot: Bot, aiko: str) -> None:
    guest = bot.teams.add_person(TENANT, name="O'Neil", mail="o'neil@example.org", guest=True)
    bot.teams.add_person(GUESTS, name="Elsewhere", mail="else@example.org")
    for key in (aiko, "aiko@example.co.jp", "AIKO@example.co.jp"):
        status, found = await bot.graph("GET", f"/users/{key}")
        assert (status, found["id"], found["mail"]) == (200, aiko, "aiko@example.co.jp")
    assert "userType" not in found
    assert (await bot.graph("GET", "/users/o'neil@example.org"))[0] == 404  # a guest's login is another
    where = quote("mail eq 'o''neil@example.org'")
    _, listed = await bot.graph("GET", f"/users?$filter={where}&$select=id,userType,externalUserState")
    assert listed["value"] == [{"id": guest, "userType": "Guest", "externalUserState": "Accepted"}]
    either = quote("mail eq 'x' or userPrincipalName eq 'aiko@example.co.jp'")
    assert [one["id"] for one in (await bot.graph("GET", f"/users?$filter={either}"))[1]["value"]] == [aiko]
    assert (await bot.graph("GET", f"/users?$filter={quote('mail eq else')}"))[0] == 400
    _, everybody = await bot.graph("GET", "/users?$top=1")
    assert len(everybody["value"]) == 1
    elsewhere = quote("mail eq 'else@example.org'")
    assert (await bot.graph("GET", f"/users?$filter={elsewhere}"))[1]["value"] == []
