"""Microsoft Graph of the local Teams: installing the app for a person, inviting guests, teams and users."""

from collections.abc import Callable
from typing import Any, Final
from uuid import uuid4

from aiohttp import web

from adapters.playground.teams_chats import graph_chat
from adapters.playground.teams_edge import Answer, Asked, Edge, bearer
from adapters.playground.teams_graph_form import (
    chosen,
    filtered,
    install_id,
    installation,
    moment,
    named_app,
    named_person,
    user,
)
from adapters.playground.teams_login import GRAPH
from adapters.playground.teams_state import (
    CATALOGUE_ROLE,
    GROUP_ROLE,
    INSTALL_ROLE,
    INVITE_ROLE,
    JSON,
    TEAM_ROLE,
    USER_ROLE,
    Grant,
    Invitation,
    Person,
    Registration,
    Team,
    TeamsError,
)
from adapters.playground.teams_wire import Wire

Told = Callable[[str, Registration, Person, Team | None], None]
_ROOT: Final = "/graph/v1.0"
_DOUBLE: Final = "One or more added object references already exist for the following modified properties"


def add_routes(app: web.Application, wire: Wire, told: Told) -> None:
    """The routes; `told` makes Teams send what a bot hears of an installation, a removal or a new member."""
    graph, edge = Graph(told), Edge(wire, "graph", _admit, _written)
    apps = f"{_ROOT}/users/{{user}}/teamwork/installedApps"
    app.router.add_post(apps, edge.serves("install", graph.install))
    app.router.add_get(apps, edge.serves("installed", graph.installed))
    app.router.add_delete(f"{apps}/{{installation}}", edge.serves("uninstall", graph.uninstall))
    app.router.add_get(f"{apps}/{{installation}}/chat", edge.serves("chat", graph.chat))
    app.router.add_get(f"{_ROOT}/appCatalogs/teamsApps", edge.serves("catalogue", graph.catalogue))
    app.router.add_post(f"{_ROOT}/invitations", edge.serves("invite", graph.invite))
    app.router.add_post(f"{_ROOT}/teams/{{team}}/members", edge.serves("add_member", graph.add_to_team))
    app.router.add_post(
        f"{_ROOT}/groups/{{team}}/members/$ref", edge.serves("add_member", graph.add_to_group)
    )
    app.router.add_get(f"{_ROOT}/groups/{{team}}/members", edge.serves("members_of", graph.members_of))
    app.router.add_get(f"{_ROOT}/users", edge.serves("users", graph.users))
    app.router.add_get(f"{_ROOT}/users/{{user}}", edge.serves("user", graph.user))


class Graph:
    """The operations; each checks that the token carries the application permission it needs."""

    def __init__(self, told: Told) -> None:
        self._told = told

    # --- the app of a person ------------------------------------------------------------------------------

    def install(self, asked: Asked) -> Answer:
        """201 without a body; 409 when it is there; 403 without consent or by policy; 404 unknown."""
        app, person = _needs(asked, INSTALL_ROLE), _person(asked, asked.parts["user"])
        bound = asked.body.get("teamsApp@odata.bind") if isinstance(asked.body, dict) else None
        if not (name := named_app(bound)):
            raise TeamsError(400, "BadRequest", "Bad Request: teamsApp@odata.bind is missing.")
        if name != app.catalogue_id:
            raise TeamsError(404, "NotFound", f"The app {name} is not in the app catalogue.")
        asked.wire.directory.install(app, person)
        asked.wire.chats.personal(app, person)
        self._told("install", app, person, None)
        return Answer(201)

    def installed(self, asked: Asked) -> Answer:
        """The installation of the caller's own app (that is all the permission allows), as filtered."""
        app, person = _needs(asked, INSTALL_ROLE), _person(asked, asked.parts["user"])
        there = (app.app_id, person.id) in asked.wire.directory.installed
        every = [installation(app, person)] if there else []
        found = filtered(every, asked.query.get("$filter", ""))
        expanded = set(asked.query.get("$expand", "").replace(" ", "").split(","))
        return Answer(body={"value": [chosen(one, expanded) for one in found]})

    def uninstall(self, asked: Asked) -> Answer:
        """204: the app is taken away again."""
        app, person = _installation(asked)
        asked.wire.directory.installed.discard((app.app_id, person.id))
        asked.wire.directory.touch()
        self._told("uninstall", app, person, None)
        return Answer(204)

    def chat(self, asked: Asked) -> Answer:
        """The 1:1 chat of a person with the app; the connector takes this id as a conversation."""
        app, person = _installation(asked)
        asked.wire.chats.personal(app, person)
        return Answer(
            body={
                "id": graph_chat(app, person),
                "topic": None,
                "chatType": "oneOnOne",
                "createdDateTime": moment(asked.wire.now()),
                "tenantId": person.tenant,
            }
        )

    def catalogue(self, asked: Asked) -> Answer:
        """The tenant's own apps: where the catalogue's id of an app package is found."""
        app = _needs(asked, CATALOGUE_ROLE)
        shown = installation(app, None)["teamsApp"]
        return Answer(body={"value": filtered([shown], asked.query.get("$filter", ""))})

    # --- guests and teams ---------------------------------------------------------------------------------

    def invite(self, asked: Asked) -> Answer:
        """201: a guest account for an outside address, the same one every time; 400 for own members."""
        app = _needs(asked, INVITE_ROLE)
        body = asked.body if isinstance(asked.body, dict) else {}
        mail, back = str(body.get("invitedUserEmailAddress") or ""), body.get("inviteRedirectUrl")
        if "@" not in mail or not back:
            raise TeamsError(400, "BadRequest", "An e-mail address and a redirect URL are required.")
        directory = asked.wire.directory
        person = directory.by_mail(app.tenant, mail)
        if person and not person.guest:
            raise TeamsError(
                400, "BadRequest", f"The invited user already exists in the directory as {person.id}."
            )
        name = str(body.get("invitedUserDisplayName") or mail.partition("@")[0])
        person = person or directory.add(app.tenant, name, mail, {"guest": True, "pending": True})
        invitation = _invitation(asked, person, body)
        directory.invitations.append(invitation)
        return Answer(201, _invited(invitation, person, str(back)))

    def add_to_team(self, asked: Asked) -> Answer:
        """201 with the membership; 409 when they are in it."""
        _needs(asked, TEAM_ROLE)
        body = asked.body if isinstance(asked.body, dict) else {}
        team, person = _team(asked), _person(asked, named_person(body.get("user@odata.bind")))
        if person.id in team.members:
            raise TeamsError(409, "Conflict", "The member is in the team already.")
        self._join(asked, team, person)
        return Answer(
            201,
            {
                "@odata.type": "#microsoft.graph.aadUserConversationMember",
                "id": str(uuid4()),
                "roles": ["guest"] if person.guest else list(body.get("roles") or []),
                "userId": person.id,
                "displayName": person.name,
                "email": person.mail,
                "tenantId": person.tenant,
            },
        )

    def add_to_group(self, asked: Asked) -> Answer:
        """204; 400 when they are in it: so Entra says it."""
        _needs(asked, GROUP_ROLE)
        body = asked.body if isinstance(asked.body, dict) else {}
        team, person = _team(asked), _person(asked, named_person(body.get("@odata.id")))
        if person.id in team.members:
            raise TeamsError(400, "Request_BadRequest", f"{_DOUBLE}: 'members'.")
        self._join(asked, team, person)
        return Answer(204)

    def members_of(self, asked: Asked) -> Answer:
        """The members of a team's group; who may add some may also read them."""
        _needs(asked, GROUP_ROLE)
        people = asked.wire.directory.people
        return Answer(body={"value": [_selected(asked, user(people[one])) for one in _team(asked).members]})

    def _join(self, asked: Asked, team: Team, person: Person) -> None:
        team.members.add(person.id)
        asked.wire.directory.touch()
        for name in team.apps:
            self._told("join", asked.wire.directory.apps[name], person, team)

    # --- users --------------------------------------------------------------------------------------------

    def user(self, asked: Asked) -> Answer:
        """One user by object id or login name; a guest's address is not their login name."""
        _needs(asked, USER_ROLE)
        return Answer(body=_selected(asked, user(_person(asked, asked.parts["user"]))))

    def users(self, asked: Asked) -> Answer:
        """Users of the tenant, as filtered (`mail eq '…'`); at most 100, or `$top`."""
        app, where = _needs(asked, USER_ROLE), asked.query.get("$filter", "")
        people = [one for one in asked.wire.directory.people.values() if one.tenant == app.tenant]
        found = filtered([user(one) for one in people], where)
        most = int(asked.query.get("$top") or 100)
        return Answer(body={"value": [_selected(asked, one) for one in found[:most]]})


def _needs(asked: Asked, role: str) -> Registration:
    """The calling app; 403 in Graph's words when its token lacks the permission."""
    if role not in asked.grant.roles:
        had = ", ".join(sorted(asked.grant.roles))
        raise TeamsError(
            403,
            "Forbidden",
            f"Missing role permissions on the request. API requires one of '{role}'. Roles on the request "
            f"'{had}'.",
        )
    return asked.wire.directory.apps[asked.grant.app_id]


def _person(asked: Asked, key: str) -> Person:
    found = asked.wire.directory.by_key(asked.grant.tenant, key)
    if found is None:
        raise TeamsError(404, "Request_ResourceNotFound", f"Resource '{key}' does not exist.")
    return found


def _team(asked: Asked) -> Team:
    found = asked.wire.directory.team(asked.parts["team"])
    if found is None or found.tenant != asked.grant.tenant:
        raise TeamsError(404, "NotFound", f"No team found with group id {asked.parts['team']}.")
    return found


def _installation(asked: Asked) -> tuple[Registration, Person]:
    app, person = _needs(asked, INSTALL_ROLE), _person(asked, asked.parts["user"])
    there = (app.app_id, person.id) in asked.wire.directory.installed
    if not there or asked.parts["installation"] != install_id(app, person):
        raise TeamsError(404, "NotFound", "The installation was not found.")
    return app, person


def _invitation(asked: Asked, person: Person, body: JSON) -> Invitation:
    info = body.get("invitedUserMessageInfo") or {}
    name = str(uuid4())
    return Invitation(
        name,
        person.tenant,
        person.mail,
        person.id,
        f"https://login.microsoftonline.com/redeem?rd=https%3a%2f%2finvitations.microsoft.com%2f{name}",
        bool(body.get("sendInvitationMessage")),
        str(info.get("messageLanguage") or ""),
        str(info.get("customizedMessageBody") or ""),
    )


def _invited(invitation: Invitation, person: Person, back: str) -> JSON:
    return {
        "id": invitation.id,
        "inviteRedeemUrl": invitation.url,
        "invitedUserDisplayName": person.name,
        "invitedUserType": "Guest",
        "invitedUserEmailAddress": person.mail,
        "sendInvitationMessage": invitation.mailed,
        "inviteRedirectUrl": back,
        "status": "PendingAcceptance" if person.pending else "Completed",
        "invitedUser": {"id": person.id},
    }


def _selected(asked: Asked, found: JSON) -> JSON:
    wanted = [name for name in asked.query.get("$select", "").replace(" ", "").split(",") if name]
    hidden = {"userType", "accountEnabled", "externalUserState"}
    names = wanted or [name for name in found if name not in hidden]
    return {name: found[name] for name in names if name in found}


def _admit(wire: Wire, request: web.Request) -> Grant:
    grant = bearer(wire, request, GRAPH)
    if grant is None:
        raise TeamsError(401, "InvalidAuthenticationToken", "The access token is not valid.")
    return grant


def _written(wire: Wire, error: TeamsError) -> Any:
    inner = {"date": moment(wire.now())[:19], "request-id": str(uuid4()), "client-request-id": str(uuid4())}
    return {"error": {"code": error.code, "message": error.message, "innerError": inner}}
