"""Entra and the app catalogue of the local Teams: tenants, people, teams, bots, who has which app."""

from dataclasses import replace

from adapters.playground.teams_state import (
    Invitation,
    Person,
    PersonDetails,
    Registration,
    Team,
    TeamsError,
    Tenant,
    stable_thread,
    stable_uuid,
)


class Directory:
    """Everything about who is where; `version` grows with every change."""

    def __init__(self) -> None:
        self.tenants: dict[str, Tenant] = {}
        self.people: dict[str, Person] = {}
        self.teams: dict[str, Team] = {}
        self.apps: dict[str, Registration] = {}
        self.installed: set[tuple[str, str]] = set()
        self.blocked: set[tuple[str, str]] = set()
        self.refused: set[tuple[str, str]] = set()
        self.switched_off: set[str] = set()
        self.invitations: list[Invitation] = []
        self.version = 0
        self._logins: dict[tuple[str, str], str] = {}
        self._mails: dict[tuple[str, str], str] = {}

    # --- tenants and apps ---------------------------------------------------------------------------------

    def add_tenant(self, tenant: Tenant) -> Tenant:
        """A new tenant; `ValueError` when its id is taken."""
        if tenant.id in self.tenants:
            raise ValueError(f"there is a tenant {tenant.id} already")
        self.tenants[tenant.id] = tenant
        return tenant

    def register(self, app: Registration) -> Registration:
        """A new registration; `ValueError`: the app id is taken, or the tenant has a bot of that side."""
        if app.tenant not in self.tenants:
            raise ValueError(f"there is no tenant {app.tenant}")
        for other in self.apps.values():
            if other.app_id == app.app_id or (other.tenant, other.side) == (app.tenant, app.side):
                raise ValueError(f"{other.app_id} is registered already")
        self.apps[app.app_id] = app
        return app

    def consent(self, app_id: str, roles: frozenset[str]) -> None:
        """An administrator changes the Graph permissions; tokens given out before keep theirs."""
        self.apps[app_id] = replace(self.apps[app_id], roles=roles)

    def app_for(self, tenant: str, side: str | None) -> Registration:
        """The bot of a side in a tenant; without a side its only one. `LookupError` when that is unclear."""
        found = [app for app in self.apps.values() if app.tenant == tenant and side in (None, app.side)]
        if len(found) != 1:
            raise LookupError(f"{len(found)} bots of side {side} in {tenant}")
        return found[0]

    # --- people -------------------------------------------------------------------------------------------

    def add(self, tenant: str, name: str, mail: str, details: PersonDetails) -> Person:
        """A new account; `ValueError` when its id or login name is taken."""
        home, more = self.tenants[tenant], dict(details)
        guest = bool(more.get("guest"))
        login = str(more.pop("login", None) or _login(home, name, mail, guest=guest)).lower()
        given = str(more.pop("id", None) or stable_uuid("person", tenant, login))
        if given in self.people or (tenant, login) in self._logins:
            raise ValueError(f"{login} is in {tenant} already")
        person = Person(given, tenant, name, mail.lower(), login, **more)  # type: ignore[arg-type]
        return self.enter(person)

    def enter(self, person: Person) -> Person:
        """Keep an account in its present state."""
        old = self.people.get(person.id)
        if old is not None:
            self._logins.pop((old.tenant, old.login), None)
            self._mails.pop((old.tenant, old.mail), None)
        self.people[person.id] = person
        self._logins[person.tenant, person.login] = person.id
        if person.mail:
            self._mails[person.tenant, person.mail] = person.id
        self.touch()
        return person

    def remove(self, person: str) -> None:
        """An account is deleted: it is in no team and has no app any more."""
        gone = self.people.pop(person)
        self._logins.pop((gone.tenant, gone.login), None)
        self._mails.pop((gone.tenant, gone.mail), None)
        for team in self.teams.values():
            team.members.discard(person)
        self.installed = {pair for pair in self.installed if pair[1] != person}
        self.touch()

    def by_mail(self, tenant: str, mail: str) -> Person | None:
        """Who has this address in a tenant."""
        return self.people.get(self._mails.get((tenant, mail.lower()), ""))

    def by_key(self, tenant: str, key: str) -> Person | None:
        """Who has this object id or login name in a tenant; a guest's address is no login name."""
        found = self.people.get(self._logins.get((tenant, key.lower()), "")) or self.people.get(key.lower())
        return found if found and found.tenant == tenant else None

    # --- teams --------------------------------------------------------------------------------------------

    def add_team(self, tenant: str, name: str) -> Team:
        """A new team with its General channel; `ValueError` when there is one of that name."""
        general = stable_thread("tacv2", tenant, name)
        if general in self.teams:
            raise ValueError(f"there is a team {name} already")
        group = stable_uuid("group", tenant, name)
        self.teams[general] = Team(general, group, tenant, name, {general: "General"}, set(), set())
        self.touch()
        return self.teams[general]

    def team(self, key: str) -> Team | None:
        """A team by its own id or that of its Entra group."""
        return self.teams.get(key) or next((one for one in self.teams.values() if one.group == key), None)

    # --- who has which app --------------------------------------------------------------------------------

    def install(self, app: Registration, person: Person) -> None:
        """Put the app into a person's Teams; raises Graph's 409 and 403 (blocked by policy)."""
        if (app.app_id, person.id) in self.refused:
            raise TeamsError(403, "Forbidden", "App is blocked by app permission policy.")
        if (app.app_id, person.id) in self.installed:
            raise TeamsError(409, "Conflict", "App is already installed in this scope.")
        self.installed.add((app.app_id, person.id))
        self.blocked.discard((app.app_id, person.id))
        self.touch()

    def reaches(self, app: Registration, person: Person) -> bool:
        """Whether the bot may write to a person: its app is theirs or in one of their teams (T7)."""
        if (app.app_id, person.id) in self.installed:
            return True
        return any(app.app_id in team.apps and person.id in team.members for team in self.teams.values())

    def touch(self) -> None:
        """Count a change, so that a page can see that something is new."""
        self.version += 1


def _login(tenant: Tenant, name: str, mail: str, *, guest: bool) -> str:
    """A login name: a guest's is made of the outside address, a member's is the address itself."""
    if guest:
        return f"{mail.replace('@', '_')}#EXT#@{tenant.domain}"
    return mail or f"{stable_uuid('login', tenant.id, name)[:8]}@{tenant.domain}"
