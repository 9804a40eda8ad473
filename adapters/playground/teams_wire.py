"""What all parts of the local Teams share: directory, chats, keys, courier, rates, faults, tokens, calls."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from adapters.playground.teams_chats import Chats
from adapters.playground.teams_delivery import Courier, Parcel, Patience
from adapters.playground.teams_directory import Directory
from adapters.playground.teams_faults import Faults
from adapters.playground.teams_keys import Forgery, Key, Keys
from adapters.playground.teams_rates import Rates
from adapters.playground.teams_state import JSON, Call, Delivery, Grant, Person, Registration


@dataclass(slots=True)
class Wire:
    """The shared parts; `base_url`: where bots reach us (None: `/local-teams` beside their endpoint)."""

    now: Callable[[], float]
    directory: Directory
    chats: Chats
    keys: Keys
    courier: Courier
    rates: Rates
    faults: Faults
    base_url: str | None = None
    token_life: int = 3_599
    tokens: dict[str, Grant] = field(default_factory=dict)
    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=20_000))
    sent: deque[tuple[str, JSON]] = field(default_factory=lambda: deque(maxlen=500))

    def base(self, app: Registration) -> str:
        """Where this bot reaches us."""
        endpoint = urlsplit(app.endpoint)
        return self.base_url or f"{endpoint.scheme}://{endpoint.netloc}/local-teams"

    def service_url(self, app: Registration) -> str:
        """The connector of the bot's tenant, with the slash at the end that Teams' addresses have."""
        return f"{self.base(app)}/connector/{self.directory.tenants[app.tenant].region}/"

    async def send(self, app: Registration, activity: JSON) -> Delivery:
        """Deliver a signed activity and remember it, so that it can be delivered again."""
        self.sent.append((app.app_id, activity))
        signed = self.keys.header(app, str(activity["serviceUrl"]))
        return await self.courier.send(Parcel(app.endpoint, activity, signed))

    def refusal(self, app: Registration, person: Person) -> str | None:
        """Why a person cannot use the bot now, as an error word of a delivery; None when they can."""
        if person.pending:
            return "pending"
        return "disabled" if person.disabled or app.app_id in self.directory.switched_off else None

    async def forge(self, app: Registration, activity: JSON, how: Forgery) -> Delivery:
        """Deliver an activity with exactly one thing wrong about its token."""
        sent, header = self.keys.forge(app, activity, how)
        return await self.courier.send(Parcel(app.endpoint, sent, header))

    def checked(self, delivery: Delivery, error: str | None) -> Delivery:
        """The delivery with what Teams found wrong with the answer; the record says it too."""
        if error is None:
            return delivery
        return self.courier.correct(delivery, replace(delivery, error=error))


def new_wire(now: Callable[[], float], patience: Patience, key: Key | None) -> Wire:
    """The shared parts, empty; `now` is wire time in seconds since 1970; without a key one is made."""
    directory = Directory()
    return Wire(
        now,
        directory,
        Chats(now, directory),
        Keys(now, key),
        Courier(patience),
        Rates(now),
        Faults(),
    )
