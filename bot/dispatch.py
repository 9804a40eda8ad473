"""From what arrived to what is answered: once only, who is it, may they, one transaction, errors told.

Events are kept before the ack (`keep`) and handled afterwards, again after a crash (`drive`). Commands and
presses are handled before the ack and never driven again. Nothing escapes from here but bugs of this file.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import structlog

from bot import fields, sheet, wire
from bot.conversation import (
    Actor,
    Address,
    Answer,
    Arrival,
    Bound,
    ButtonPressed,
    Card,
    CommandUsed,
    Conversation,
    File,
    Form,
    FormSubmitted,
    Happening,
    HomeOpened,
    Incoming,
    Note,
    Option,
    OptionsSought,
    Paragraph,
    Reply,
    Role,
    Sheet,
    Side,
    Standing,
    Text,
    t,
)  # fmt: skip
from bot.errors import BadUsage, InvalidForm, NotAllowed, Refusal
from bot.policy import Policy
from bot.registry import Command, Context, Download, Handler, Registry
from bot.texts import Texts
from bot.verbs import Verbs, normal_words
from storage import accounts, downloads, inbox, journal
from storage.engine import Database, Tx

log = structlog.get_logger()
Holds = Callable[[Tx], bool]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an adapter has to show, and in which language; all parts may be empty (a repeat).

    `shut`: what the door knew the actor by holds no longer; nothing was done. `broke`: a bug stopped it, and
    the reply says so.
    """

    actor: Actor | None = None
    reply: Reply | None = None
    form: Form | None = None
    errors: Mapping[str, Text] = field(default_factory=dict)
    options: tuple[Option, ...] = ()
    unmet: bool = False
    shut: bool = False
    broke: bool = False
    file: File | None = None


class Dispatcher:
    """The one way from every door to every command."""

    def __init__(self, database: Database, registry: Registry, policy: Policy, texts: Texts) -> None:
        self._database, self._registry, self._policy, self._texts = database, registry, policy, texts
        self._verbs = Verbs(registry, texts)

    # --- commands, buttons, forms, options, home ---------------------------------------------------

    async def answer(
        self, incoming: Incoming, side: Side, *, repeats: bool = False, holds: Holds | None = None
    ) -> Outcome:
        """Handle one thing that somebody did. Refusals and bugs come back as a reply; it never raises.

        `repeats`: the platform may deliver it again, so its id is kept even when nothing is changed. `holds`
        is asked first, in the same transaction: whether the actor's session still lives.
        """
        reads, arrived = not repeats and self._reads(incoming), self._database.clock.steady()

        def act(tx: Tx) -> Outcome:
            if holds is not None and not holds(tx):
                return Outcome(shut=True)
            if reads:
                return self._answer(tx, incoming, side)
            return self._once(tx, incoming, side, arrived)

        try:
            return await self._database.run(act, reads=reads)
        except Exception as bug:  # the edge where a bug becomes an incident
            return await self.incident(incoming, side, bug)

    def schema(self, bound: Bound) -> type | None:
        """The form that an action opens, if it opens one."""
        found = self._registry.handlers.get(bound.action)
        return found.schema if found else None

    async def refuse(self, arrival: Arrival, side: Side, key: str) -> Outcome:
        """The answer to what never came as far as a command, in the language of who did it."""
        return Outcome(await self.who(arrival, side), reply=Reply(refused(Refusal(key))))

    async def who(self, arrival: Arrival, side: Side) -> Actor:
        """Who did something, as storage knows them."""
        return await self._database.run(lambda tx: self._who(tx, arrival, side).actor, reads=True)

    async def meet(self, incoming: Arrival, side: Side) -> None:
        """Make a row for an account seen for the first time, so that its looks can be asked for."""
        await self._database.run(lambda tx: accounts.note(tx, incoming.address, side))

    def _reads(self, incoming: Incoming) -> bool:
        match incoming:
            case CommandUsed(words=words):
                command, _ = self._verbs.parse(incoming.command, words)
                return command is None or command.reads
            case ButtonPressed(bound=bound) | FormSubmitted(bound=bound):
                found = self._registry.handlers.get(bound.action)
                opens = isinstance(incoming, ButtonPressed) and found is not None and found.schema is not None
                return found is None or found.reads or opens
        return True

    def _once(self, tx: Tx, incoming: Incoming, side: Side, arrived: float) -> Outcome:
        """What comes of it, unless it came before, or was clicked again while it lasts."""
        twin, clock = _twin(incoming), self._database.clock
        began = clock.steady()
        new = inbox.first(tx, _key(incoming))
        if not new or (twin is not None and not inbox.no_twin(tx, twin, clock.steady() - arrived)):
            return Outcome(self._who(tx, incoming, side).actor)
        outcome = self._answer(tx, incoming, side, writes=True)
        if twin is not None and outcome.errors:
            inbox.forget(tx, twin)
        elif twin is not None and clock.steady() - began >= 1.0:  # else those of the beginning are enough
            inbox.lasted(tx, twin)
        return outcome

    def _answer(self, tx: Tx, incoming: Incoming, side: Side, *, writes: bool = False) -> Outcome:
        known = self._who(tx, incoming, side)
        ctx = self._context(tx, known.actor, incoming)
        outcome = self._guarded(ctx, lambda: self._run(ctx, incoming), writes=writes)
        return outcome if known.met else replace(outcome, unmet=True)

    def _who(self, tx: Tx, arrival: Arrival, side: Side) -> accounts.Known:
        return accounts.who(tx, arrival.address, side, self._policy.locale, self._policy.zone)

    def _guarded(self, ctx: Context, run: Callable[[], Outcome], *, writes: bool = True) -> Outcome:
        try:
            return self._saved(ctx, run) if writes else run()
        except InvalidForm as invalid:
            return Outcome(ctx.actor, errors=invalid.errors)
        except Refusal as refusal:
            return Outcome(ctx.actor, reply=Reply(refused(refusal)))

    @staticmethod
    def _saved(ctx: Context, run: Callable[[], Outcome]) -> Outcome:
        """Run in a savepoint: a refusal takes back what its handler wrote, unless it keeps it."""
        with ctx.tx.begin_nested() as savepoint:
            try:
                return run()
            except Refusal as refusal:
                if refusal.keeps:
                    savepoint.commit()
                raise

    def _context(self, tx: Tx, actor: Actor, incoming: Arrival) -> Context:
        clock = self._database.clock
        return Context(tx, actor, clock.now(), self._policy, self._registry, incoming.conversation)

    def _run(self, ctx: Context, incoming: Incoming) -> Outcome:
        if ctx.actor.standing is not Standing.MEMBER and not self._open_to_all(incoming):
            raise NotAllowed("common.members_only")
        match incoming:
            case CommandUsed(command=name, words=words):
                command, rest = self._verbs.parse(name, words)
                if command is None:
                    return Outcome(ctx.actor, reply=Reply(self._unknown(ctx, rest)))
                self._authorise(ctx, command)
                return self._shown(ctx, command.handler(ctx, rest))
            case ButtonPressed(bound=bound):
                return self._pressed(ctx, bound)
            case FormSubmitted(bound=bound, values=values):
                handler = self._checked(ctx, bound)
                if handler.schema is None:
                    raise BadUsage("common.outdated")
                filled = fields.read(handler.schema, values)
                return self._shown(ctx, handler.run(ctx, filled, **handler.check(bound)))
            case OptionsSought():
                return Outcome(ctx.actor, options=self._suggest(ctx, incoming))
            case HomeOpened():
                return Outcome(ctx.actor, reply=Reply(self._registry.home(ctx)))
        raise BadUsage("common.outdated")

    def _open_to_all(self, incoming: Incoming) -> bool:
        """Visitors of the public page may press what is theirs; a button of nobody is told as such."""
        if not isinstance(incoming, ButtonPressed | FormSubmitted | OptionsSought):
            return False
        found = self._registry.handlers.get(incoming.bound.action)
        return found is None or found.public

    def _pressed(self, ctx: Context, bound: Bound) -> Outcome:
        handler = self._checked(ctx, bound)
        if handler.schema is not None:
            return self._shown(ctx, bound)
        return self._shown(ctx, handler.run(ctx, **handler.check(bound)))

    def _checked(self, ctx: Context, bound: Bound) -> Handler:
        handler = self._registry.handler(bound.action)
        handler.check(bound)
        self._authorise(ctx, handler)
        return handler

    @staticmethod
    def _authorise(ctx: Context, what: Command | Handler | Download) -> None:
        """Raises `NotAllowed` with the way that would lead there."""
        if ctx.actor.side not in what.sides:
            raise NotAllowed("common.other_side")
        if ctx.may(what):
            return
        if Role.ALUMNUS in what.roles and ctx.actor.side is Side.ALUMNI:
            raise NotAllowed("common.not_yet" if ctx.actor.person_id else "common.join_first")
        raise NotAllowed("common.not_allowed")

    def _shown(self, ctx: Context, answer: Answer) -> Outcome:
        if isinstance(answer, Reply):
            return Outcome(ctx.actor, reply=answer)
        if isinstance(answer, Bound):
            return Outcome(ctx.actor, form=self._form(ctx, answer))
        return Outcome(ctx.actor)

    def _form(self, ctx: Context, bound: Bound) -> Form:
        handler = self._checked(ctx, bound)
        schema = handler.schema
        if schema is None:
            raise BadUsage("common.outdated")
        args = handler.check(bound)
        blank = handler.prepare(ctx, **args) if handler.prepare else schema()
        intro = handler.intro(ctx, **args).body if handler.intro else ()
        asked = fields.questions(schema, handler.name, blank, self._texts.has)
        return Form(
            title=t(f"{handler.name}.title"),
            fields=handler.shape(ctx, asked, **args) if handler.shape else asked,
            submit=replace(bound, opens_form=True),
            intro=intro,
            button=t(f"{handler.name}.button"),
            sensitive=True,
        )

    def _suggest(self, ctx: Context, sought: OptionsSought) -> tuple[Option, ...]:
        handler = self._checked(ctx, sought.bound)
        suggest = handler.options.get(sought.field)
        words = normal_words(sought.query)
        return suggest(ctx, words, **handler.check(sought.bound))[:100] if suggest else ()

    def _unknown(self, ctx: Context, words: str) -> Card:
        close = tuple(Note(t("common.did_you_mean", verb=verb)) for verb in self._verbs.close_to(words))
        title = t("common.unknown_verb", words=words[:80])
        return Card(title, (Paragraph(t("common.unknown_verb_right")), *close), notice=t("common.notice"))

    # --- files -------------------------------------------------------------------------------------

    async def fetch(self, token: str) -> Outcome:
        """The file behind a link, for whom the link was given; the link is used up by it.

        Who they are and what they may is asked at this moment. A refusal leaves the link used, a bug leaves
        it as it was. Without an actor: the link is used, expired, or none of ours.
        """
        offered = await self._database.run(lambda tx: downloads.find(tx, token), reads=True)
        if offered is None:
            return Outcome()
        who, side = Address.parse(offered.address), offered.side
        arrival = Arrival(who, Conversation(who.workspace, str(who)), "")
        try:
            return await self._database.run(lambda tx: self._fetch(tx, token, arrival, side))
        except Exception as bug:  # the edge where a bug becomes an incident
            return await self.incident(arrival, side, bug)

    def _fetch(self, tx: Tx, token: str, arrival: Arrival, side: Side) -> Outcome:
        offered = downloads.spend(tx, token)
        if offered is None:
            return Outcome()
        ctx = self._context(tx, self._who(tx, arrival, side).actor, arrival)
        bound = Bound(offered.name, tuple(offered.args.items()))
        return self._guarded(ctx, lambda: self._handed(ctx, bound))

    def _handed(self, ctx: Context, bound: Bound) -> Outcome:
        who = ctx.actor.address
        if ctx.actor.standing is not Standing.MEMBER or accounts.deactivated(ctx.tx, who):
            raise NotAllowed("common.members_only")
        download = self._registry.download(bound.action)
        self._authorise(ctx, download)
        file = self._written(ctx, download.run(ctx, **download.check(bound)))
        if download.noted:
            journal.write(ctx.tx, "file.fetched", actor=ctx.actor.person_id or str(who), detail=download.name)
        return Outcome(ctx.actor, file=file)

    def _written(self, ctx: Context, made: File | Sheet) -> File:
        if isinstance(made, File):
            return made

        def said(value: object) -> object:
            return self._texts.plain(value, ctx.actor.locale, zone) if isinstance(value, Text) else value

        zone = ctx.policy.zone
        rows = ([said(value) for value in row] for row in made.rows)
        data = sheet.as_csv([str(said(word)) for word in made.header], rows, zone)
        return File(f"{said(made.name)}.csv", data)

    # --- events ------------------------------------------------------------------------------------

    async def keep(self, event: Happening, side: Side) -> bool:
        """Record an event before the ack; false when it was recorded before."""
        payload = wire.dump_event(event, side)
        return await self._database.run(
            lambda tx: inbox.first(tx, _key(event), payload), guarded=True, brief=True
        )

    async def drive(self, event: Happening, side: Side) -> None:
        """Let a recorded event have its effect, exactly once; after a bug it is tried again."""

        def handle(tx: Tx) -> None:
            if inbox.handled(tx, _key(event)):
                return
            ctx = self._context(tx, self._who(tx, event, side).actor, event)
            for listener in self._registry.on(event):
                listener(ctx, event)
            inbox.done(tx, _key(event))

        try:
            await self._database.run(handle)
        except Exception as bug:  # the edge where a bug becomes an incident
            await self.incident(event, side, bug)

    # --- bugs --------------------------------------------------------------------------------------

    async def incident(self, incoming: Arrival, side: Side, bug: Exception) -> Outcome:
        """Log a bug under a code and make the card that carries it; also when the database is what failed."""
        code = new_incident()
        log.error("incident", code=code, what=type(incoming).__name__, error=type(bug).__name__, exc_info=bug)

        def write(tx: Tx) -> Actor:
            journal.write(tx, "incident", actor=str(incoming.address), detail=f"{code} {type(bug).__name__}")
            return self._who(tx, incoming, side).actor

        try:
            actor = await self._database.run(write)
        except Exception as worse:  # the person is told in any case
            log.exception("incident_not_kept", code=code, error=type(worse).__name__, exc_info=worse)
            actor = Actor(incoming.address, side, locale=self._policy.locale, zone=self._policy.zone)
        body = (Paragraph(t("common.incident_code", code=code)),)
        return Outcome(actor, reply=Reply(Card(t("common.incident"), body, t("common.notice"))), broke=True)


def refused(refusal: Refusal) -> Card:
    """A refusal as a card."""
    return Card(t("common.refused"), (Paragraph(refusal.text),), notice=t("common.notice"))


def new_incident() -> str:
    """A code that a person can read out: six letters and digits."""
    return "".join(secrets.choice("ABCDEFGHJKMNPQRSTVWXYZ23456789") for _ in range(6))


def _key(incoming: Arrival) -> inbox.Key:
    return incoming.address.platform.value, incoming.address.workspace, incoming.event_id


def _twin(incoming: Arrival) -> inbox.Key | None:
    """Under which id a double click is known."""
    twin = incoming.twin if isinstance(incoming, ButtonPressed | FormSubmitted) else ""
    platform, workspace, _ = _key(incoming)
    return (platform, workspace, f"twin:{twin}") if twin else None
