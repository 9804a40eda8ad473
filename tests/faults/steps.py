"""What a process can be in the middle of when it is killed: five kinds of work, and every step of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.conversation import Address, Card, Paragraph, Platform, Side, t
from bot.notices import take_notice
from bot.wire import dump_card
from storage import accounts, consents, leavers, outbox, people, uploads
from storage.consents import Decision, Purpose, Said
from storage.engine import Tx, now
from storage.leavers import Leaver, Stage
from storage.outbox import Draft, Route
from storage.people import Person
from tests.desk import notice
from tests.faults.site import ALUMNI, Replica, Site
from tests.jobs.test_feeds import csv

SAID = Said("ja", "slack")
Trap = Callable[[Site], AbstractAsyncContextManager[Callable[[Replica], Awaitable[None]]]]
"""While it is set: waits until the process is at the step, and kills it there."""
Effects = dict[str, int]
"""How often each effect is there; it is to be there once."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One kind of work: what was before, what sets it going once a process runs, what comes of it.

    `mark` tells several of them in one house apart.
    """

    name: str
    before: Callable[[Site, str], None]
    goes: Callable[[Site, str], Coroutine[Any, Any, None]]
    effects: Callable[[Site, str], Effects]


@dataclass(frozen=True, slots=True)
class Step:
    """A place in a scene at which the process dies."""

    scene: Scene
    name: str
    trap: Trap

    def __str__(self) -> str:
        return f"{self.scene.name}: {self.name}"


# --- traps ----------------------------------------------------------------------------------------------


def drags(when: str) -> Trap:
    """In a transaction, at the change that `when` describes."""

    @asynccontextmanager
    async def trap(site: Site) -> AsyncIterator[Callable[[Replica], Awaitable[None]]]:
        async def springs(replica: Replica) -> None:
            await site.in_the_middle()
            await site.kill(replica)

        with site.dragging(when):
            yield springs

    return trap


def before_mail(trap: Trap) -> Trap:
    """The same, and no mailbox takes anything until then: in a file nobody can mark meanwhile what has left,
    and a mail of which that is unknown may come twice."""

    @asynccontextmanager
    async def later(site: Site) -> AsyncIterator[Callable[[Replica], Awaitable[None]]]:
        if site.kind == "sqlite":
            site.mailbox.defer |= {f"e1@{host}" for host in ("home.example.jp", "minato.example.jp")}
        async with trap(site) as springs:
            yield springs
        site.mailbox.defer.clear()

    return later


def after_mail(trap: Trap) -> Trap:
    """The same, once a mail has arrived."""

    @asynccontextmanager
    async def later(site: Site) -> AsyncIterator[Callable[[Replica], Awaitable[None]]]:
        async with trap(site) as springs:

            async def arrived(replica: Replica) -> None:
                await site.finds(lambda: site.mailbox.count > 0)
                await springs(replica)

            yield arrived

    return later


def keeps(method: str) -> Trap:
    """While Slack has not yet done what it was asked; it does it afterwards."""

    @asynccontextmanager
    async def trap(site: Site) -> AsyncIterator[Callable[[Replica], Awaitable[None]]]:
        kept = site.slack.faults.keep(method)

        async def springs(replica: Replica) -> None:
            await asyncio.wait_for(kept.arrived.wait(), 25)
            await site.kill(replica)
            kept.go.set()

        yield springs

    return trap


def unanswered(method: str) -> Trap:
    """After Slack did what it was asked, before its answer."""

    @asynccontextmanager
    async def trap(site: Site) -> AsyncIterator[Callable[[Replica], Awaitable[None]]]:
        site.answers.method = method

        async def springs(replica: Replica) -> None:
            await asyncio.wait_for(site.answers.held.wait(), 25)
            await site.kill(replica)
            site.answers.go.set()

        yield springs
        site.answers.method = ""

    return trap


def no_answer() -> Trap:
    """After the commit: the answer to Slack never arrives."""

    @asynccontextmanager
    async def trap(site: Site) -> AsyncIterator[Callable[[Replica], Awaitable[None]]]:
        began = asyncio.Event()
        site.front.answers = began.set

        async def springs(replica: Replica) -> None:
            await asyncio.wait_for(began.wait(), 25)
            site.front.answers = None
            await site.kill(replica)

        yield springs

    return trap


# --- scenes ---------------------------------------------------------------------------------------------


def _mail(mark: str) -> str:
    return f"{mark}@home.example.jp"


def _someone(tx: Tx, mark: str) -> Person:
    person = people.add(tx, f"髙橋 {mark}")
    people.set_private_email(tx, person, _mail(mark))
    person.private_email_proven_at = now(tx)
    consents.record(tx, person.id, Decision.GIVEN, SAID)
    return person


def _leaver(tx: Tx, mark: str, stage: Stage) -> None:
    person = _someone(tx, mark)
    leaver = Leaver(
        person_id=person.id, entity="", employee_number=mark, stint=1, source="csv", notice="",
        last_day=now(tx).date() - timedelta(days=1), leaving_type="resignation", stage=stage,
    )  # fmt: skip
    leaver.told_at, leaver.asks = now(tx), 1
    if stage is Stage.CONSENTED:
        leaver.enrol_at = leaver.member_from = now(tx) - timedelta(hours=1)
    leavers.add(tx, leaver)


def _journal(site: Site, what: str, mark: str) -> int:
    whose = f"subject IN (SELECT person_id FROM leavers WHERE employee_number = '{mark}')"
    return site.count(f"journal WHERE what = '{what}' AND {whose}")


def _of(mark: str) -> str:
    return f"person_id IN (SELECT person_id FROM leavers WHERE employee_number = '{mark}')"


async def _joins(site: Site, mark: str) -> None:
    told = [one["event_id"] for one in site.slack.workspace(ALUMNI).events if _mail(mark) in str(one)]
    if told:
        await site.slack.redelivers(ALUMNI, told[-1])  # what was not acknowledged comes again
    else:
        await site.slack.joins(ALUMNI, name=f"髙橋 {mark}", email=_mail(mark), email_confirmed=True)


def _joined(site: Site, mark: str) -> Effects:
    tied = f"accounts WHERE {_of(mark)}"
    return {"joined": _journal(site, "person.joined", mark), "tied": site.count(tied)}


RECEIVE = Scene(
    "receive", lambda site, mark: site.does(lambda tx: _leaver(tx, mark, Stage.ENROLLED)), _joins, _joined
)


async def _by_itself(site: Site, mark: str) -> None:
    """The clock does it."""


def _enrolled(site: Site, mark: str) -> Effects:
    return {
        "enrolled": _journal(site, "leaver.enrolled", mark),
        "queued": site.count(f"outbox WHERE kind = 'welcome.invitation' AND {_of(mark)}"),
        "mailed": len(site.mailbox.mails(_mail(mark))),
    }


ENROL = Scene(
    "enrol", lambda site, mark: site.does(lambda tx: _leaver(tx, mark, Stage.CONSENTED)), _by_itself,
    _enrolled,
)  # fmt: skip


def _notice(site: Site, mark: str) -> None:
    day = site.database.clock.now().date() + timedelta(days=10)
    note = notice(mark, day.isoformat(), last_working_day=day, company_email=f"{mark}@minato.example.jp")
    site.does(lambda tx: take_notice(tx, note, site.settings.policy()))
    asked = site.database.clock.now() - timedelta(hours=1)

    def due(tx: Tx) -> None:
        row = leavers.latest(tx, "", mark)
        assert row is not None
        row.told_at, row.ask_at, row.remind_at = asked, asked, None

    site.does(due)


def _asked(site: Site, mark: str) -> Effects:
    return {
        "asked": _journal(site, "leaver.asked", mark),
        "queued": site.count(f"outbox WHERE kind = 'welcome.question' AND {_of(mark)}"),
        "told": len(site.mailbox.mails(f"{mark}@minato.example.jp")),
    }


SWEEP = Scene("sweep", _notice, _by_itself, _asked)
HR, LEAVERS = "web:company:1", 700


def _laid(site: Site, mark: str) -> None:
    data = csv(*(f"{mark}-{number}" for number in range(LEAVERS)), last_day="2099-03-31")
    upload = site.does(lambda tx: uploads.lay(tx, HR, f"{mark}.csv", data))
    site.does(lambda tx: uploads.apply(tx, HR, upload))


def _applied(site: Site, mark: str) -> Effects:
    taken = site.count(f"leavers WHERE employee_number LIKE '{mark}-%'")
    return {
        "taken": taken // LEAVERS,
        "told": site.count("outbox WHERE kind = 'intake.report'"),
        "gone": site.count("feed_files WHERE sealed IS NULL AND rows > 0"),
    }


APPLY = Scene("apply", _laid, _by_itself, _applied)
CARD = dump_card(Card(t("checkin.title"), (Paragraph(t("checkin.how_now")),), t("common.notice")))
READERS = 5


def write_to(site: Site, mark: str, readers: int = READERS, *, known: bool = False) -> None:
    """Members with an account, and a letter to each; `known`: their chats were opened before."""
    names = [f"{mark}-{number}" for number in range(readers)]
    users = [site.slack.add_person(ALUMNI, name=name, email=_mail(name)) for name in names]
    chats = [site.slack.workspace(ALUMNI).direct(user).id if known else "" for user in users]

    def write(tx: Tx) -> None:
        for name, user, chat in zip(names, users, chats, strict=True):
            person, account = _someone(tx, name), Address(Platform.SLACK, ALUMNI, user)
            accounts.tie(tx, account, Side.ALUMNI, person, "code")
            accounts.keep_chat(tx, account, chat)
            draft = Draft(f"test.{mark}", CARD, Purpose.STAY_IN_TOUCH, Route.ALUMNI_CHAT, name, person.id)
            outbox.put(tx, draft)

    site.does(write)


def read_by(site: Site, name: str) -> int:
    """How many messages of the bot somebody sees."""
    users = [one.user for one in site.slack.people(ALUMNI) if one.email == _mail(name)]
    return sum(one.by_bot for user in users for one in site.slack.messages(ALUMNI, user))


def _delivered(site: Site, mark: str) -> Effects:
    sent = site.count(f"outbox WHERE kind = 'test.{mark}' AND status = 'sent'")
    marked = {"marked": 1} if sent == READERS else {"marked": 0}
    return marked | {f"read by {n}": read_by(site, f"{mark}-{n}") for n in range(READERS)}


async def _write(site: Site, mark: str) -> None:
    if not site.count(f"outbox WHERE kind = 'test.{mark}'"):
        write_to(site, mark, known=True)


async def _write_first(site: Site, mark: str) -> None:
    if not site.count(f"outbox WHERE kind = 'test.{mark}'"):
        write_to(site, mark)


DELIVER = Scene("deliver", lambda site, mark: None, _write, _delivered)
FIRST = Scene("first contact", lambda site, mark: None, _write_first, _delivered)
_LETTER = "NEW.kind LIKE 'test.%'"
_GIVES_BACK = "BEFORE UPDATE OF ended_well ON leases | NEW.name = 'enrolment'"
_CLAIM = f"UPDATE OF status ON outbox | NEW.status = 'sending' AND {_LETTER}"
_MARK = f"UPDATE OF status ON outbox | NEW.status = 'sent' AND {_LETTER}"
STEPS = (
    Step(RECEIVE, "before the inbox row", drags("BEFORE INSERT ON inbox")),
    Step(RECEIVE, "after the inbox row", drags("AFTER INSERT ON inbox")),
    Step(RECEIVE, "committed, not answered", no_answer()),
    Step(RECEIVE, "in its transaction", drags("AFTER INSERT ON journal | NEW.what = 'person.joined'")),
    Step(RECEIVE, "at its end", drags("BEFORE UPDATE OF done_at ON inbox")),
    Step(ENROL, "taking the lease", drags("AFTER UPDATE OF until ON leases | NEW.name = 'enrolment'")),
    Step(ENROL, "at the stage", drags("AFTER UPDATE OF stage ON leavers | NEW.stage = 'enrolled'")),
    Step(ENROL, "before the mail's row", drags("BEFORE INSERT ON outbox | NEW.kind = 'welcome.invitation'")),
    Step(ENROL, "after the mail's row", drags("AFTER INSERT ON outbox | NEW.kind = 'welcome.invitation'")),
    Step(ENROL, "giving the lease back", before_mail(drags(_GIVES_BACK))),
    Step(SWEEP, "taking the lease", drags("AFTER UPDATE OF until ON leases | NEW.name = 'enrolment'")),
    Step(SWEEP, "in its transaction", drags("AFTER INSERT ON journal | NEW.what = 'leaver.asked'")),
    Step(SWEEP, "after the message's row", drags("AFTER INSERT ON outbox | NEW.kind = 'welcome.question'")),
    Step(SWEEP, "giving the lease back", before_mail(drags(_GIVES_BACK))),
    Step(APPLY, "in its second part", drags("BEFORE INSERT ON leavers | NEW.employee_number LIKE '%-600'")),
    Step(APPLY, "before its report", drags("BEFORE INSERT ON outbox | NEW.kind = 'intake.report'")),
    Step(APPLY, "at its end", drags("AFTER UPDATE OF rows ON feed_files | NEW.rows > 0")),
    Step(DELIVER, "before the claim", drags(f"BEFORE {_CLAIM}")),
    Step(DELIVER, "after the claim", drags(f"AFTER {_CLAIM}")),
    Step(DELIVER, "taking its places", drags("AFTER UPDATE OF free_at ON pace | NEW.key LIKE 'chat:%'")),
    Step(FIRST, "opening a chat", unanswered("conversations.open")),
    Step(FIRST, "opened and sent, not answered", unanswered("chat.postMessage")),
    Step(FIRST, "keeping the chat", drags("BEFORE UPDATE OF chat ON accounts")),
    Step(DELIVER, "while Slack works", keeps("chat.postMessage")),
    Step(DELIVER, "done by Slack, not answered", unanswered("chat.postMessage")),
    Step(DELIVER, "in the mark", drags(f"BEFORE {_MARK}")),
    Step(DELIVER, "in the mark of a group", drags(f"AFTER {_MARK} AND NEW.dedup LIKE '%-3'")),
)  # fmt: skip
ASKING = Step(DELIVER, "asking whether it stands there", unanswered("conversations.history"))
"""Only after one of them: what a process that died left behind is asked for."""
AFTER_THE_MAIL = Step(
    ENROL, "in the mark of its mail",
    after_mail(
        drags("BEFORE UPDATE OF status ON outbox | NEW.status = 'sent' AND NEW.kind = 'welcome.invitation'")
    ),
)  # fmt: skip
"""The one place after which something may come twice: a mailbox cannot be asked what it has."""
SHORT = tuple(
    step for step in STEPS
    if str(step) in ("receive: at its end", "enrol: after the mail's row", "sweep: in its transaction",
                     "deliver: done by Slack, not answered")
)  # fmt: skip
