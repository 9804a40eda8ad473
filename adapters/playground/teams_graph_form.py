"""How Graph writes things and reads queries: users, installations, `$filter` with `eq`, bound objects."""

import base64
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from adapters.playground.teams_state import JSON, Person, Registration, TeamsError

_TERM: Final = re.compile(r"^\s*([A-Za-z/]+)\s+eq\s+'((?:[^']|'')*)'\s*$")
_APP: Final = re.compile(r"/appCatalogs/teamsApps(?:/|\(')([^/')]+)'?\)?$")
_PERSON: Final = re.compile(r"/(?:users|directoryObjects)(?:/|\(')([^/')]+)'?\)?$")
_FILTERS: Final = (
    "teamsApp/id", "teamsApp/externalId", "teamsApp/distributionMethod",
    "teamsAppDefinition/teamsAppId", "id", "externalId",
    "distributionMethod", "mail", "userPrincipalName", "displayName", "userType",
)  # fmt: skip


def moment(seconds: float) -> str:
    """A time as Graph writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def install_id(app: Registration, person: Person) -> str:
    """The id of an installation: not that of the app."""
    return base64.urlsafe_b64encode(f"{person.id}##{app.catalogue_id}".encode()).decode()


def installation(app: Registration, person: Person | None) -> JSON:
    """An installation with the app and its definition; without a person the app alone has a meaning."""
    shown = {
        "id": app.catalogue_id,
        "externalId": app.external_id,
        "displayName": app.name,
        "distributionMethod": "organization",
    }
    definition = {
        "id": base64.urlsafe_b64encode(f"{app.catalogue_id}##1.0.0".encode()).decode(),
        "teamsAppId": app.catalogue_id,
        "displayName": app.name,
        "version": "1.0.0",
        "publishingState": "published",
    }
    return {
        "id": install_id(app, person) if person else "",
        "teamsApp": shown,
        "teamsAppDefinition": definition,
    }


def chosen(found: JSON, expanded: set[str]) -> JSON:
    """An installation with only those related objects that `$expand` asks for."""
    return {name: value for name, value in found.items() if name == "id" or name in expanded}


def user(person: Person) -> JSON:
    """A user as Graph shows it; what is only shown when `$select` asks for it stands at the end."""
    surname, _, given = person.name.partition(" ")
    return {
        "id": person.id,
        "displayName": person.name,
        "givenName": given or None,
        "surname": surname or None,
        "mail": person.mail or None,
        "userPrincipalName": person.login,
        "preferredLanguage": person.locale,
        "jobTitle": None,
        "userType": "Guest" if person.guest else "Member",
        "accountEnabled": not person.disabled,
        "externalUserState": _state(person),
    }


def filtered(found: Iterable[JSON], where: str) -> list[JSON]:
    """What a `$filter` of `path eq 'text'` terms joined by `or` or by `and` lets through; 400 for others."""
    if not where:
        return list(found)
    joined = " or " if " or " in where else " and "
    terms = [_term(part) for part in where.split(joined)]
    together = any if joined == " or " else all
    return [one for one in found if together(_value(one, path) == text.lower() for path, text in terms)]


def named_app(bound: Any) -> str:
    """The catalogue id in `…/appCatalogs/teamsApps/{id}`; empty when it is none."""
    found = _APP.search(str(bound or ""))
    return found[1] if found else ""


def named_person(bound: Any) -> str:
    """The object id in `…/users('{id}')` or `…/directoryObjects/{id}`; raises 400 when it is none."""
    found = _PERSON.search(str(bound or ""))
    if found is None:
        raise TeamsError(400, "BadRequest", "The reference to the user is missing or malformed.")
    return found[1]


def _term(part: str) -> tuple[str, str]:
    found = _TERM.match(part)
    if found is None or found[1] not in _FILTERS:
        raise TeamsError(400, "BadRequest", f"Invalid filter clause: {part}")
    return found[1], found[2].replace("''", "'")


def _value(found: JSON, path: str) -> str:
    value: Any = found
    for step in path.split("/"):
        value = value.get(step) if isinstance(value, dict) else None
    return str(value or "").lower()


def _state(person: Person) -> str | None:
    if not person.guest:
        return None
    return "PendingAcceptance" if person.pending else "Accepted"
