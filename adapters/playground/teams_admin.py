"""What an administrator does in the local Teams: consent, policies, accounts, tokens, the tenant's region."""

from dataclasses import replace
from typing import Any

from adapters.playground.teams_state import Person
from adapters.playground.teams_wire import Wire


class Admin:
    """The administrator of all tenants. Bots are told nothing of what is done here."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def consents(self, app_id: str, *roles: str) -> None:
        """Leave exactly these Graph permissions to an app; tokens given out before keep theirs."""
        self._wire.directory.consent(app_id, frozenset(roles))

    def forbids(self, app_id: str, person: str) -> None:
        """A policy forbids the app for somebody: Graph answers 403, and they cannot add it themselves."""
        self._wire.directory.refused.add((app_id, person))

    def allows(self, app_id: str, person: str) -> None:
        """Take such a policy back."""
        self._wire.directory.refused.discard((app_id, person))

    def switches_off(self, app_id: str) -> None:
        """Disable a bot for its whole tenant: no token, and 403 `BotDisabledByAdmin` with an old one."""
        self._wire.directory.switched_off.add(app_id)

    def switches_on(self, app_id: str) -> None:
        """Enable it again."""
        self._wire.directory.switched_off.discard(app_id)

    def moves(self, tenant: str, region: str) -> None:
        """The tenant's service URL becomes another one, as it sometimes does; the old one is gone."""
        tenants = self._wire.directory.tenants
        tenants[tenant] = replace(tenants[tenant], region=region)

    def revokes_tokens(self) -> None:
        """Every token given out so far is refused with 401 from now on."""
        self._wire.tokens.clear()

    def shortens_tokens(self, seconds: int) -> None:
        """Tokens given out from now on last so long (`expires_in`)."""
        self._wire.token_life = seconds

    def changes(self, person: str, **details: Any) -> Person:
        """Facts of an account change (fields of `Person`, such as `disabled`)."""
        directory = self._wire.directory
        return directory.enter(replace(directory.people[person], **details))

    def deletes(self, person: str) -> None:
        """Delete an account: it is in no team and has no app any more."""
        self._wire.directory.remove(person)
