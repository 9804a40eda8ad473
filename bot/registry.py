"""How a feature says what it can do, and the frozen `Registry` that dispatch, help, manifests and tests read.

A module owns its `feature`; nothing is registered by importing. Calling a registered action gives a `Bound`,
so no id is ever typed by hand, and mypy refuses a call with wrong arguments.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Concatenate, Generic, ParamSpec, TypedDict, TypeVar, Unpack

from bot import claims
from bot.claims import Takes
from bot.conversation import (
    Actor,
    Answer,
    Bound,
    Button,
    Card,
    Conversation,
    Field,
    File,
    Happening,
    Option,
    Role,
    Scalar,
    Sheet,
    Side,
)  # fmt: skip
from bot.errors import BadUsage
from bot.policy import Policy
from storage.engine import Tx

P = ParamSpec("P")
F = TypeVar("F")
E = TypeVar("E")
BOTH = (Side.COMPANY, Side.ALUMNI)


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler is given: the transaction, who acts where, the company's policy, and what else there
    is."""

    tx: Tx
    actor: Actor
    now: datetime
    policy: Policy
    registry: Registry
    conversation: Conversation

    def offers(self, place: type, *args: Scalar) -> tuple[Button, ...]:
        """The buttons that other features hang on a place (a card's marker class), in the order of their
        features."""
        made = (offer.make(self, *args) for offer in self.registry.offers.get(place, ()))
        return tuple(button for button in made if button is not None)

    def may(self, what: Command | Handler | Download) -> bool:
        """Whether the actor may use a command, press an action or fetch a file here."""
        return self.actor.side in what.sides and (not what.roles or any(map(self.actor.has, what.roles)))


@dataclass(frozen=True, slots=True)
class Command:
    """A verb: `/alumni <words>`; its texts are `<key>.verb`, `<key>.summary` and `<key>.usage`.

    `until` are the roles from which on help does not mention it any more (who has joined needs no `join`).
    """

    name: str
    key: str
    handler: Callable[[Context, str], Answer]
    sides: frozenset[Side]
    roles: tuple[Role, ...]
    short: str = ""
    reads: bool = False
    shortcut: bool = False
    until: tuple[Role, ...] = ()


class Traits(TypedDict, total=False):
    """Further traits of a command: a short form such as `/jobs`, read only, also a global shortcut."""

    short: str
    reads: bool
    shortcut: bool


class Ways(TypedDict, total=False):
    """How an action is pressed: it only reads, visitors may press it too, and what its name was before."""

    reads: bool
    public: bool
    formerly: str


@dataclass(frozen=True, slots=True)
class Offer:
    """A button for a place of another feature."""

    place: type
    make: Callable[..., Button | None]


@dataclass(slots=True)
class Handler:
    """An action as dispatch sees it: its name, its signature, and who may press it.

    A `public` one is open to visitors of the public page, of whom nothing is known.
    """

    name: str
    run: Callable[..., Answer]
    arguments: Takes
    sides: frozenset[Side]
    roles: tuple[Role, ...]
    reads: bool
    schema: type | None = None
    prepare: Callable[..., Any] | None = None
    options: dict[str, Callable[..., tuple[Option, ...]]] = field(default_factory=dict)
    intro: Callable[..., Card] | None = None
    shape: Callable[..., tuple[Field, ...]] | None = None
    formerly: str = ""
    public: bool = False

    def bind(self, *args: Any, **kwargs: Any) -> Bound:
        """The action with its arguments."""
        return Bound(self.name, claims.bind(self.arguments, args, kwargs), self.schema is not None)

    def check(self, bound: Bound) -> dict[str, Scalar]:
        """The arguments of a claim. Raises `BadUsage` when one is missing, extra or of another type."""
        return claims.check(self.arguments, bound)


@dataclass(frozen=True, slots=True)
class Download:
    """A file that somebody may fetch, made when they do: its name, its signature, and who may."""

    name: str
    run: Callable[..., File | Sheet]
    arguments: Takes
    sides: frozenset[Side]
    roles: tuple[Role, ...]
    noted: bool = True

    def check(self, bound: Bound) -> dict[str, Scalar]:
        """The arguments of a claim, as an action's."""
        return claims.check(self.arguments, bound)


class Action(Generic[P]):
    """A button's action; calling it binds its arguments."""

    def __init__(self, handler: Handler, feature: Feature) -> None:
        self.handler, self._feature = handler, feature

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Bound:
        """The action with its arguments, for a button."""
        return self.handler.bind(*args, **kwargs)

    def offered_on(
        self, place: type
    ) -> Callable[[Callable[..., Button | None]], Callable[..., Button | None]]:
        """Hang a button for this action on a place; the function decides for whom."""

        def register(make: Callable[..., Button | None]) -> Callable[..., Button | None]:
            self._feature.offers.append(Offer(place, make))
            return make

        return register


class FormAction(Action[P], Generic[P, F]):
    """An action that first opens a form; calling it gives a Bound that opens the form."""

    def prepare(self, fill: Callable[Concatenate[Context, P], F]) -> Callable[Concatenate[Context, P], F]:
        """Authorises, loads and pre-fills when the form is about to open."""
        self.handler.prepare = fill
        return fill

    def intro(self, card: Callable[Concatenate[Context, P], Card]) -> Callable[Concatenate[Context, P], Card]:
        """What stands above the fields."""
        self.handler.intro = card
        return card

    def shaped(
        self, shape: Callable[Concatenate[Context, tuple[Field, ...], P], tuple[Field, ...]]
    ) -> Callable[Concatenate[Context, tuple[Field, ...], P], tuple[Field, ...]]:
        """What depends on who asks: choices that only storage knows, a question that was answered before."""
        self.handler.shape = shape
        return shape

    def suggests(self, name: str) -> Callable[[Callable[..., tuple[Option, ...]]], Callable[..., Any]]:
        """Suggestions for a search field: a function of the context, the typed words and the action's
        arguments."""

        def register(suggest: Callable[..., tuple[Option, ...]]) -> Callable[..., Any]:
            self.handler.options[name] = suggest
            return suggest

        return register


class Fetch(Generic[P]):
    """A download; calling it binds its arguments, for `bot.fetching.link`."""

    def __init__(self, download: Download) -> None:
        self.download = download

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Bound:
        """The download with its arguments."""
        return Bound(self.download.name, claims.bind(self.download.arguments, args, kwargs))


class Feature:
    """One file of `bot/commands`: its name is the file's, and the catalogue's."""

    def __init__(self, module: str) -> None:
        self.name = module.rpartition(".")[2]
        self.commands: list[Command] = []
        self.handlers: list[Handler] = []
        self.downloads: list[Download] = []
        self.offers: list[Offer] = []
        self.events: dict[type, Callable[[Context, Any], None]] = {}
        self.home: Callable[[Context], Card] | None = None

    def command(
        self,
        *sides: Side,
        roles: tuple[Role, ...] = (),
        until: tuple[Role, ...] = (),
        **traits: Unpack[Traits],
    ) -> Callable[[Callable[[Context, str], Answer]], Callable[[Context, str], Answer]]:
        """Register a verb; a function with another name than the file is a sub-verb (`leavers add`)."""

        def register(run: Callable[[Context, str], Answer]) -> Callable[[Context, str], Answer]:
            own = run.__name__ == self.name
            name = self.name if own else f"{self.name} {run.__name__}"
            key = name.replace(" ", ".")
            found = Command(name, key, run, frozenset(sides or BOTH), roles, until=until, **traits)
            self.commands.append(found)
            return run

        return register

    def action(
        self, *sides: Side, roles: tuple[Role, ...] = (), **ways: Unpack[Ways]
    ) -> Callable[[Callable[Concatenate[Context, P], Answer]], Action[P]]:
        """Register what a button does."""

        def register(run: Callable[Concatenate[Context, P], Answer]) -> Action[P]:
            handler = self._handler(run, sides, roles, skip=1)
            handler.reads, handler.public = ways.get("reads", False), ways.get("public", False)
            handler.formerly = ways.get("formerly", "")
            return Action(handler, self)

        return register

    def form(
        self, schema: type[F], *sides: Side, roles: tuple[Role, ...] = (), **ways: Unpack[Ways]
    ) -> Callable[[Callable[Concatenate[Context, F, P], Answer]], FormAction[P, F]]:
        """Register a form and what happens with it once it is filled in."""

        def register(run: Callable[Concatenate[Context, F, P], Answer]) -> FormAction[P, F]:
            handler = self._handler(run, sides, roles, skip=2)
            handler.schema = schema
            handler.reads, handler.public = ways.get("reads", False), ways.get("public", False)
            handler.formerly = ways.get("formerly", "")
            return FormAction(handler, self)

        return register

    def download(
        self, *sides: Side, roles: tuple[Role, ...] = (), noted: bool = True
    ) -> Callable[[Callable[Concatenate[Context, P], File | Sheet]], Fetch[P]]:
        """Register a file to fetch; it is made, and the rights are asked for, at the moment of fetching.

        `noted`: the journal tells that it was fetched; not of a file whose being there is a secret.
        """

        def register(run: Callable[Concatenate[Context, P], File | Sheet]) -> Fetch[P]:
            name, takes = f"{self.name}.{run.__name__}", claims.taken(run, skip=1)
            found = Download(name, run, takes, frozenset(sides or BOTH), roles, noted)
            self.downloads.append(found)
            return Fetch(found)

        return register

    def _handler(
        self, run: Callable[..., Answer], sides: tuple[Side, ...], roles: tuple[Role, ...], *, skip: int
    ) -> Handler:
        name, takes = f"{self.name}.{run.__name__}", claims.taken(run, skip)
        found = Handler(name, run, takes, frozenset(sides or BOTH), roles, reads=False)
        self.handlers.append(found)
        return found

    def on(self, event: type[E]) -> Callable[[Callable[[Context, E], None]], Callable[[Context, E], None]]:
        """Register what happens when something arrives that nobody typed or pressed."""

        def register(run: Callable[[Context, E], None]) -> Callable[[Context, E], None]:
            self.events[event] = run
            return run

        return register

    def homepage(self, make: Callable[[Context], Card]) -> Callable[[Context], Card]:
        """Register the bot's home; one feature does."""
        self.home = make
        return make


@dataclass(frozen=True, slots=True)
class Registry:
    """Everything that is registered, by name; closed once it is built."""

    commands: Mapping[str, Command]
    handlers: Mapping[str, Handler]
    offers: Mapping[type, tuple[Offer, ...]]
    events: Mapping[type, tuple[Callable[[Context, Any], None], ...]]
    home: Callable[[Context], Card]
    downloads: Mapping[str, Download]

    def handler(self, name: str) -> Handler:
        """The action with this wire name. Raises `BadUsage` for a name nobody registered."""
        found = self.handlers.get(name)
        if found is None:
            raise BadUsage("common.outdated")
        return found

    def download(self, name: str) -> Download:
        """The download with this name. Raises `BadUsage` for a name nobody registered."""
        found = self.downloads.get(name)
        if found is None:
            raise BadUsage("common.outdated")
        return found

    def on(self, event: Happening) -> Iterable[Callable[[Context, Any], None]]:
        """Who listens to an event."""
        return self.events.get(type(event), ())

    @classmethod
    def of(cls, features: Iterable[Feature]) -> Registry:
        """Put features together. Raises `ValueError` for a name that two of them use."""
        commands: dict[str, Command] = {}
        shorts: dict[str, Command] = {}
        handlers: dict[str, Handler] = {}
        offers: dict[type, tuple[Offer, ...]] = {}
        events: dict[type, tuple[Callable[[Context, Any], None], ...]] = {}
        homes: list[Callable[[Context], Card]] = []
        features = list(features)
        for feature in features:
            for command in feature.commands:
                _once(commands, command.name, command)
                if command.short:
                    _once(shorts, command.short, command)
            for handler in feature.handlers:
                _once(handlers, handler.name, handler)
                if handler.formerly:
                    _once(handlers, handler.formerly, handler)
            for offer in feature.offers:
                offers[offer.place] = (*offers.get(offer.place, ()), offer)
            for event, run in feature.events.items():
                events[event] = (*events.get(event, ()), run)
            homes += [feature.home] if feature.home else []
        if len(homes) != 1:
            raise ValueError(f"one feature makes the home, not {len(homes)}")
        return cls(commands, handlers, offers, events, homes[0], _downloads(features))


def _downloads(features: Iterable[Feature]) -> dict[str, Download]:
    found: dict[str, Download] = {}
    for download in (one for feature in features for one in feature.downloads):
        _once(found, download.name, download)
    return found


def _once(table: dict[str, Any], name: str, value: Any) -> None:
    if name in table:
        raise ValueError(f"{name!r} is registered twice")
    table[name] = value


def discover(package: str) -> Registry:
    """The registry of every module of a package that owns a `feature`, in the order of their names."""
    folder = importlib.import_module(package)
    names = sorted(m.name for m in pkgutil.iter_modules(folder.__path__))
    modules = [importlib.import_module(f"{package}.{name}") for name in names]
    return Registry.of(m.feature for m in modules if hasattr(m, "feature"))
