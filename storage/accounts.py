"""Accounts on a platform, whom they belong to, and who of them is staff (owners, HR).

An account is tied to a person only by a code, by an address that we proved and the platform confirms, by
delivery to the company address, or by HR; never by a name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from sqlalchemy import ForeignKey, String, bindparam, delete, func, literal_column, select
from sqlalchemy.orm import Mapped, mapped_column

from bot.cadence import is_zone, zone_or
from bot.conversation import Actor, Address, Platform, Role, Side, Standing
from storage.columns import Row, kept, normal_email, words
from storage.engine import MOST, Among, Tx, now, vault_of
from storage.leavers import leaving_still
from storage.outdated import Outdated
from storage.people import Person, is_member
from storage.prepared import Prepared


class Account(Row):
    """A login on a platform, as the platform last described it."""

    __tablename__ = "accounts"
    __table_args__ = ({"info": kept("person", "stay_in_touch", "until erased or untied for 90 days")},)

    address: Mapped[str] = mapped_column(String(120), primary_key=True)
    side: Mapped[Side] = mapped_column(words(Side))
    person_id: Mapped[str | None] = mapped_column(ForeignKey("people.id"), default=None, index=True)
    standing: Mapped[Standing] = mapped_column(words(Standing), default=Standing.MEMBER)
    locale: Mapped[str] = mapped_column(String(8), default="")
    zone: Mapped[str] = mapped_column(String(64), default="")
    tied_by: Mapped[str] = mapped_column(String(16), default="")
    tied_at: Mapped[datetime | None] = mapped_column(default=None)
    untied_at: Mapped[datetime | None] = mapped_column(default=None)
    gone: Mapped[bool] = mapped_column(default=False)
    looked_at: Mapped[datetime | None] = mapped_column(default=None, index=True)
    wrong_codes: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None] = mapped_column(default=None)
    chat: Mapped[str] = mapped_column(String(200), default="", server_default="")
    """Their own chat with us, where the platform lets us keep it for ever."""


class Staff(Row):
    """Who owns or runs the network: from the settings, as an address or as an e-mail yet to be looked up."""

    __tablename__ = "staff"
    __table_args__ = ({"info": kept("staff", "running the network", "while named in the settings")},)

    id: Mapped[int] = mapped_column(primary_key=True, init=False)
    role: Mapped[Role] = mapped_column(words(Role))
    email: Mapped[str] = mapped_column(String(254), default="", index=True)
    address: Mapped[str] = mapped_column(String(120), default="", index=True)


def note(tx: Tx, address: Address, side: Side) -> Account:
    """The account's row, made when it is met for the first time."""
    account = tx.get(Account, str(address))
    if account is None:
        account = Account(address=str(address), side=side, untied_at=now(tx))
        tx.add(account)
        tx.flush()
    return account


def looked(tx: Tx, address: Address, standing: Standing, locale: str, zone: str) -> None:
    """Keep what the platform says about an account that we know; "", or a zone that is none here, changes
    nothing."""
    account = tx.get(Account, str(address))
    if account is not None:
        account.standing, account.zone = standing, zone_or(zone, account.zone)
        account.locale = locale[:2] or account.locale
        account.looked_at, account.gone = now(tx), False
        _live_there(tx, account)


def put_off(tx: Tx, address: Address, at: datetime) -> None:
    """Nobody could be asked about an account: as if it had been looked at then, so that all others come
    first."""
    account = tx.get(Account, str(address))
    if account is not None:
        account.looked_at = at


def _live_there(tx: Tx, account: Account) -> None:
    """A person's day is that of the account they use."""
    person = tx.get(Person, account.person_id) if account.person_id else None
    if person is not None and is_zone(account.zone):
        person.zone = account.zone


def gone(tx: Tx, address: Address) -> None:
    """The platform says that the account is deactivated: nothing is sent there any more."""
    account = tx.get(Account, str(address))
    if account is not None:
        account.gone, account.looked_at = True, now(tx)


def keep_chat(tx: Tx, address: Address, chat: str) -> None:
    """Remember the chat of an account with us; of one that we do not know nothing is kept."""
    account = tx.get(Account, str(address))
    if account is not None and account.chat != chat:
        account.chat = chat
        tx.flush()


def deactivated(tx: Tx, address: Address) -> bool:
    """Whether the platform says that nobody can sign in there any more."""
    account = tx.get(Account, str(address))
    return account is not None and account.gone


def forget_looks(tx: Tx, address: Address) -> None:
    """Have the platform asked again how this account looks, if we know it, and whether it is there at all."""
    account = tx.get(Account, str(address))
    if account is not None:
        account.looked_at = None


def tie(tx: Tx, address: Address, side: Side, person: Person, by: str) -> Account:
    """Tie an account to a person; a former account of the person on that side is untied."""
    for other in tx.scalars(select(Account).where(Account.person_id == person.id, Account.side == side)):
        other.person_id, other.untied_at = None, now(tx)
    account = note(tx, address, side)
    account.person_id, account.tied_by, account.tied_at = person.id, by, now(tx)
    account.untied_at = None
    account.wrong_codes, account.locked_until = 0, None
    _live_there(tx, account)
    tx.flush()
    return account


def untie(tx: Tx, person_id: str, side: Side | None = None) -> None:
    """Forget which accounts a person has (on one side)."""
    for account in tx.scalars(select(Account).where(Account.person_id == person_id)):
        if side in (None, account.side):
            account.person_id, account.untied_at = None, now(tx)
    tx.flush()


def language(tx: Tx, address: Address | None) -> str:
    """The language of an account, "" while it is not known."""
    account = tx.get(Account, str(address)) if address is not None else None
    return account.locale if account is not None and account.locale in ("ja", "en") else ""


def of_person(tx: Tx, person_id: str, side: Side) -> Address | None:
    """The living account of a person on one side."""
    account = living(tx, [person_id]).get((person_id, side))
    return Address.parse(account.address) if account is not None else None


_LIVING = Among(Account.person_id, lambda theirs: select(Account).where(theirs, Account.gone.is_(False)))


def living(tx: Tx, people: Collection[str]) -> dict[tuple[str, Side], Account]:
    """The living accounts of these people, by person and side."""
    found = tx.scalars(*_LIVING(tx, people))
    return {(account.person_id or "", account.side): account for account in found}


def addresses(tx: Tx, person_id: str) -> list[str]:
    """Every account of a person, as text."""
    return list(tx.scalars(select(Account.address).where(Account.person_id == person_id)))


_STALE = Account.looked_at.is_(None) | (Account.gone.is_(False) & (Account.looked_at < bindparam("before")))
_OF_OURS = Account.address.startswith(f"{Platform.WEB.value}:")  # our own pages have no looks
_UNLOOKED = (
    select(Account.side, Account.address)
    .where(_STALE, ~_OF_OURS)
    .order_by(Account.looked_at.nulls_first())
    .limit(MOST)
)


def unlooked(tx: Tx, before: datetime, limit: int = 50) -> list[tuple[Side, Address]]:
    """Accounts of which their platform is to be asked, or that it has not described since `before`."""
    rows = tx.execute(_UNLOOKED, {"before": before, "most": limit}).all()
    return [(side, Address.parse(address)) for side, address in rows]


def set_staff(tx: Tx, wanted: Iterable[tuple[Role, str]]) -> None:
    """Make the table equal to the settings: (role, e-mail or address); looked-up addresses are kept."""
    known = {(s.role, s.email or s.address): s for s in tx.scalars(select(Staff))}
    keys = {(role, who if ":" in who else normal_email(who)) for role, who in wanted}
    for key, row in known.items():
        if key not in keys:
            tx.execute(delete(Staff).where(Staff.id == row.id))
    for role, who in sorted(keys - known.keys()):
        mail = ":" not in who
        tx.add(Staff(role=role, email=who if mail else "", address="" if mail else who))
    tx.flush()


_RUNNING = select(Staff).where(Staff.role.in_((Role.OWNER, Role.HR)))


def staff(tx: Tx) -> list[Staff]:
    """Everybody who runs the network, owners first; a person of two roles appears once. Managers do not."""
    rows = sorted(tx.scalars(_RUNNING), key=lambda s: (s.role is not Role.OWNER, s.id))
    return list({key_of(s): s for s in reversed(rows)}.values())[::-1]


def key_of(member: Staff) -> str:
    """By what somebody of the staff is remembered, whatever number their row gets: e-mail, else address."""
    return member.email or member.address


def staff_by_key(tx: Tx, key: str) -> Staff | None:
    """Who runs the network under this key; nobody for who does not any more."""
    return next((member for member in staff(tx) if key_of(member) == key), None)


def keys_of(tx: Tx, address: Address) -> frozenset[str]:
    """The keys of the staff that acts from this address, in the chat or on our own pages."""

    def acts(member: Staff) -> bool:
        if address.platform is Platform.WEB:
            return web_staff(tx, member) == address
        return member.address == str(address)

    return frozenset(key_of(member) for member in staff(tx) if acts(member))


_UNFOUND = select(Staff.email).where(Staff.email != "", Staff.address == "").order_by(Staff.id)


def unfound(tx: Tx) -> list[str]:
    """The e-mail addresses of staff and managers whose account nobody has looked up."""
    return list(tx.scalars(_UNFOUND))


def acting_from(tx: Tx, address: Address) -> list[Staff]:
    """The rows of whoever runs the network or manages, and acts from this address: in the chat or on our own
    pages."""
    rows = tx.scalars(select(Staff).order_by(Staff.id))
    return [row for row in rows if str(address) in (row.address, str(web_staff(tx, row)))]


def selves(tx: Tx, address: Address) -> frozenset[str]:
    """Every address from which the same human being acts for the company, as far as we know."""
    rows = acting_from(tx, address)
    known = (one for row in rows for one in (row.address, str(web_staff(tx, row))) if one)
    return frozenset({str(address), *known})


def staff_by_email(tx: Tx, email: str) -> Staff | None:
    """Whoever of the staff has this e-mail address."""
    return tx.scalars(select(Staff).where(Staff.email == normal_email(email)).limit(1)).first()


def staff_found(tx: Tx, email: str, address: Address) -> None:
    """Remember which account a staff e-mail belongs to, and have its language asked for."""
    note(tx, address, Side.COMPANY)
    for row in tx.scalars(select(Staff).where(Staff.email == normal_email(email))):
        row.address = str(address)


@dataclass(frozen=True, slots=True)
class Known:
    """An actor as storage knows them; `met` is false for an account never seen before."""

    actor: Actor
    met: bool


@cache
def _asked() -> Prepared:
    """What `who` asks at every request, built once: the address with what is known of it, whatever that is.

    Columns of tables, not of mapped classes: loading objects would take three times as long.
    """
    account, person, staff = Account.__table__, Person.__table__, Staff.__table__.c
    address = select(bindparam("address", type_=String).label("given")).subquery()
    words_of_roles = func.aggregate_strings(staff.role.cast(String), literal_column("','"))  # type: ignore[arg-type]
    roles = select(words_of_roles).where(staff.address == address.c.given).scalar_subquery()
    statement = (
        select(
            *(account.c[name] for name in ("address", "standing", "locale", "zone")),
            *(person.c[name] for name in ("left_at", "member_from")),
            person.c.id.label("person_id"),
            person.c.locale.label("language"),
            roles.label("roles"),
        )
        .select_from(address)
        .outerjoin(account, account.c.address == address.c.given)
        .outerjoin(person, person.c.id == account.c.person_id)
    )
    return Prepared(statement)


def who(tx: Tx, address: Address, side: Side, default_locale: str, default_zone: str) -> Known:
    """Who acts, with every role they hold at this moment. One query; for a company account of somebody known,
    two. On our own pages the address itself says who it is (`storage.sessions`).
    """
    if address.platform is Platform.WEB:
        return Known(_on_our_pages(tx, address, side, default_locale, default_zone), met=True)
    (row,) = _asked().rows(tx, {"address": str(address)})
    roles = {Role(word) for word in row.roles.split(",")} if row.roles else set()
    person_id = row.person_id
    if side is Side.COMPANY:
        roles.add(Role.EMPLOYEE)
        if person_id is not None and leaving_still(tx, person_id):
            roles.add(Role.LEAVER)
        else:
            person_id = None  # a company account may be handed on to somebody else
    elif person_id is not None:
        roles.add(Role.ALUMNUS if is_member(row, now(tx)) else Role.LEAVER)
    locale = row.locale or (row.language if person_id else "") or default_locale
    actor = Actor(
        address=address,
        side=side,
        roles=frozenset(roles),
        standing=row.standing or Standing.MEMBER,
        locale=locale if locale in ("ja", "en") else "en",
        zone=zone_or(row.zone or "", default_zone),
        person_id=person_id,
    )
    return Known(actor, met=row.address is not None)


VISITOR = "visitor"
_STAFF = "staff"


def web_staff(tx: Tx, member: Staff) -> Address:
    """Who somebody of the staff is on our own pages: told by e-mail, whatever number the row gets."""
    mark = vault_of(tx).blind("staff", member.email or member.address).hex()
    return Address(Platform.WEB, Side.COMPANY.value, f"{_STAFF}{mark}")


def visitor(locale: str) -> Address:
    """Who somebody unknown is on our own pages; all of them are one."""
    return Address(Platform.WEB, Side.ALUMNI.value, f"{VISITOR}-{locale}")


def web_person(person_id: str, side: Side) -> Address:
    """Who a person is on our own pages: an alumnus, or on the company's side a leaver."""
    return Address(Platform.WEB, side.value, person_id)


def _on_our_pages(tx: Tx, address: Address, side: Side, default_locale: str, default_zone: str) -> Actor:
    nobody = Actor(address, side, standing=Standing.STRANGER, locale=default_locale, zone=default_zone)
    if address.workspace != side.value:
        return nobody
    kind, _, locale = address.user.partition("-")
    if kind == VISITOR:
        return replace(nobody, locale=locale if locale in ("ja", "en") else default_locale)
    if side is Side.COMPANY and address.user.startswith(_STAFF):
        return _staff_there(tx, nobody)
    return _person_there(tx, nobody)


def _staff_there(tx: Tx, nobody: Actor) -> Actor:
    rows = [row for row in tx.scalars(select(Staff)) if web_staff(tx, row) == nobody.address]
    if not rows:
        return nobody
    known = next((Address.parse(row.address) for row in rows if row.address), None)
    roles = frozenset({row.role for row in rows} | {Role.EMPLOYEE})
    locale = language(tx, known) or nobody.locale
    return replace(nobody, standing=Standing.MEMBER, roles=roles, locale=locale)


@cache
def _person_asked() -> Prepared:
    person = Person.__table__.c
    wanted = (person[name] for name in ("id", "locale", "zone", "left_at", "member_from"))
    return Prepared(select(*wanted).where(person.id == bindparam("id", type_=String)))


def _person_there(tx: Tx, nobody: Actor) -> Actor:
    rows = _person_asked().rows(tx, {"id": nobody.address.user})
    if not rows or rows[0].left_at is not None:
        return nobody
    (row,) = rows
    if nobody.side is Side.COMPANY:
        if not leaving_still(tx, row.id):
            return nobody
        roles = frozenset({Role.LEAVER, Role.EMPLOYEE})
    else:
        roles = frozenset({Role.ALUMNUS if is_member(row, now(tx)) else Role.LEAVER})
    locale = row.locale if row.locale in ("ja", "en") else "en"
    zone = zone_or(row.zone, nobody.zone)
    return replace(nobody, standing=Standing.MEMBER, roles=roles, locale=locale, zone=zone, person_id=row.id)


def outdated(before: datetime) -> Outdated:
    """Accounts that have belonged to nobody since a moment; who comes again is met again."""
    return Outdated(Account, Account.person_id.is_(None) & (Account.untied_at < before))
