"""Hands mails to one SMTP server; and the plain way in, an invitation link."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib

from adapters.mail.page import MailDoors, MailPage
from bot.brand import Brand
from bot.conversation import Link
from bot.errors import Ambiguous, Away, Retry, Trouble, Undeliverable
from bot.policy import Policy
from bot.ports import Guest, MailTo, Outgoing
from bot.texts import Texts

_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}
_SOON, _HR_MENDS, _PATIENCE = 60.0, 300.0, 20.0  # seconds
_TAKEN = 120.0
"""Seconds for the answer to the words: a server may look through them first, and who hangs up too soon sends
them twice. Source: RFC 5321, 4.5.3.2.6, which grants ten minutes."""
_FAREWELL = 2.0
_AT_HOME = ("localhost", "127.0.0.1", "::1")
_CLOSING = 421
_NO_MAILBOX = frozenset({550, 551, 553})
_ENHANCED = re.compile(r"\s*[245]\.(\d{1,3})\.(\d{1,3})\b")
_CONTROLS = re.compile("[\\x00-\\x1f\\x7f\\x85\\u2028\\u2029]+")
_LOCAL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,255}")


@dataclass(frozen=True, slots=True)
class Postbox:
    """Where mail goes out. `url` is `smtp://`, `smtps://` or `smtp+starttls://`, with `user:password@` before
    the host if needed (percent-encoded); `sender` is the From address, with or without a name; `now` is
    calendar time; dates are written in `zone`.
    """

    url: str = field(repr=False)
    sender: str
    now: Callable[[], datetime]
    zone: str = "Asia/Tokyo"

    def connection(self) -> dict[str, Any]:
        """The arguments of `aiosmtplib.SMTP`. Raises `ValueError` for an address of another kind."""
        parts = urlsplit(self.url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("not an smtp, smtps or smtp+starttls address")
        arguments: dict[str, Any] = {
            "hostname": parts.hostname,
            "port": parts.port or _PORTS[parts.scheme],
            "use_tls": parts.scheme == "smtps",
            "start_tls": parts.scheme == "smtp+starttls",
            "timeout": _PATIENCE,
        }
        if parts.username:
            arguments |= {"username": unquote(parts.username), "password": unquote(parts.password or "")}
        return arguments

    def in_clear(self) -> bool:
        """Whether a password would leave this machine readable."""
        parts = urlsplit(self.url)
        return parts.scheme == "smtp" and bool(parts.password) and parts.hostname not in _AT_HOME


class SmtpMailer:
    """`bot.ports.Mailer` over one SMTP server, one connection per mail; repeating is the outbox's.

    Raises `ValueError` when made with an address that cannot be one.
    """

    def __init__(self, postbox: Postbox, texts: Texts, brand: Brand, doors: MailDoors | None = None) -> None:
        self._postbox, self._brand = postbox, brand
        self._page = MailPage(texts, brand, doors or MailDoors(), postbox.zone)
        self._connection = {**postbox.connection(), "local_hostname": self._from.domain}
        self._contact  # noqa: B018 - an address that is none stops the start, not the first mail

    @property
    def _from(self) -> Address:
        """The sender; its name is HR's to change, so nothing here keeps it."""
        name, email = parseaddr(self._postbox.sender)
        return _mailbox(name or self._brand.network, email)

    @property
    def _contact(self) -> Address:
        return _mailbox(self._brand.contact_name, self._brand.contact_email)

    async def send(self, to: MailTo, message: Outgoing) -> None:
        """Hand the mail over. `Undeliverable`: "bad_address", "mailbox_refused" or "mail_refused".

        `Ambiguous` only when the connection broke after the words may have left.
        """
        mail = self.compose(to, message)
        server = aiosmtplib.SMTP(**self._connection)
        try:
            await _up_to_data(server, self._from.addr_spec, _receiver(to).addr_spec)
            await _data(server, mail.as_bytes())
            with suppress(aiosmtplib.SMTPException, OSError):  # also a time limit
                async with asyncio.timeout(_FAREWELL):
                    await server.quit()
        finally:
            server.close()

    def compose(self, to: MailTo, message: Outgoing) -> EmailMessage:
        """The mail as it will leave. Raises `Undeliverable("bad_address")`."""
        bodies = self._page.bodies(to, message)
        mail = EmailMessage(policy=_Wire(linesep="\r\n"))
        mail["From"], mail["To"], mail["Reply-To"] = self._from, _receiver(to), self._contact
        mail["Subject"] = _one_line(bodies.subject, 200)
        mail["Date"] = format_datetime(self._postbox.now())
        mail["Message-ID"] = f"<{_token(message.delivery)}@{self._from.domain}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers it
        self._add_way_out(mail, self._page.way_out(to, message.purpose))
        mail.set_content(bodies.text, cte="base64")
        mail.add_alternative(bodies.html, subtype="html", cte="base64")
        mail["Content-Language"] = message.locale
        return mail

    def _add_way_out(self, mail: EmailMessage, page: str) -> None:
        """RFC 2369; and RFC 8058 when there is a page that takes the POST."""
        ways = [f"<mailto:{self._contact.addr_spec}?subject=unsubscribe>"]
        if page:
            ways.insert(0, f"<{_one_line(page, 900)}>")
            mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        mail["List-Unsubscribe"] = ", ".join(ways)


async def knock(postbox: Postbox) -> None:
    """Connect, say EHLO, log in, leave: no mail. `Retry` says what a mail would have met."""
    server = aiosmtplib.SMTP(**postbox.connection())
    try:
        with _before_the_words():
            await server.connect()
            await server.ehlo()
        with suppress(aiosmtplib.SMTPException, OSError):
            await server.quit()
    finally:
        server.close()


class LinkInviter:
    """`bot.ports.Inviter` that everybody can have: the workspace's own invitation link, kept by HR.

    `now` is calendar time.
    """

    def __init__(self, policy: Policy, now: Callable[[], datetime]) -> None:
        self._policy, self._now = policy, now

    async def invite(self, guest: Guest) -> Link:
        """The same link for everybody. `Undeliverable("no_invitation_link")` when HR has set none, and
        `"invitation_link_expired"` after its last day: a dead link in a mail would be nobody's fault.
        """
        url, last = self._policy.invitation_url, self._policy.invitation_expires
        if not url:
            raise Undeliverable("no_invitation_link")
        if last is not None and self._policy.day(self._now()) > last:
            raise Undeliverable("invitation_link_expired")
        return Link(url)


class _Wire(EmailPolicy):
    """Writes links for machines as they are: the usual folding encodes long ones, and nobody finds them."""

    def fold_binary(self, name: str, value: str) -> bytes:
        if name.lower() != "list-unsubscribe":
            return super().fold_binary(name, value)
        return f"{name}: {value}".replace(">, <", f">,{self.linesep} <").encode() + self.linesep.encode()


async def _up_to_data(server: aiosmtplib.SMTP, sender: str, receiver: str) -> None:
    """Everything before the words leave: whatever goes wrong here may be tried again. Until the receiver is
    named it is about us, and so about every mail.
    """
    with _before_the_words():
        await server.connect()
        await server.mail(sender)
    try:
        await server.rcpt(receiver)
    except aiosmtplib.SMTPRecipientRefused as refused:
        raise _refusal(refused) from refused
    except OSError as broken:
        raise Retry("smtp_unreachable", _SOON) from broken


@contextmanager
def _before_the_words() -> Iterator[None]:
    try:
        yield
    except aiosmtplib.SMTPResponseException as refused:
        raise Away(f"smtp_{refused.code}", _pause(refused)) from refused
    except OSError as broken:  # also every lost connection and time limit of aiosmtplib
        raise Away("smtp_unreachable", _SOON) from broken
    except aiosmtplib.SMTPException as unable:  # no STARTTLS, no way to log in: never sent in clear instead
        raise Away("smtp_unsupported", _HR_MENDS) from unable


def _refusal(refused: aiosmtplib.SMTPRecipientRefused) -> Trouble:
    """What it means that a server does not take mail for somebody. Only the codes of a mailbox say that there
    is none: a relay refuses at the same word whom it does not know, which is nobody's mailbox.

    Source: RFC 3463, 3.2 and 3.3 (X.1, X.2), of which a full mailbox (X.2.2) passes; RFC 5321, 4.2.3.
    """
    known = _ENHANCED.match(refused.message)
    subject, detail = known.groups() if known else ("", "")
    if known:
        mailbox = subject in ("1", "2") and (subject, detail) != ("2", "2")
    else:
        mailbox = refused.code in _NO_MAILBOX
    return Undeliverable("mailbox_refused") if refused.code >= 500 and mailbox else _later(refused)


async def _data(server: aiosmtplib.SMTP, mail: bytes) -> None:
    """The words themselves: when the connection breaks here, they may have arrived (RFC 5321, 4.5.4.1)."""
    try:
        await server.data(mail, timeout=_TAKEN)
    except aiosmtplib.SMTPDataError as refused:
        lasting = refused.code >= 500
        raise (Undeliverable("mail_refused") if lasting else _later(refused)) from refused
    except (aiosmtplib.SMTPException, OSError) as lost:
        raise Ambiguous("connection_lost") from lost


def _later(refused: aiosmtplib.SMTPResponseException) -> Trouble:
    """Later; 421 is about the whole server."""
    kind = Away if refused.code == _CLOSING else Retry
    return kind(f"smtp_{refused.code}", _pause(refused))


def _pause(refused: aiosmtplib.SMTPResponseException) -> float:
    """4xx passes by itself; 5xx is about our own account, which HR can mend."""
    return _HR_MENDS if refused.code >= 500 else _SOON


def _receiver(to: MailTo) -> Address:
    try:
        return _mailbox(to.name, to.email)
    except ValueError as wrong:
        raise Undeliverable("bad_address") from wrong


def _mailbox(name: str, email: str) -> Address:
    """An address for a header. Raises `ValueError` for what no plain SMTP server takes (RFC 5321, ASCII)."""
    local, _, domain = email.rpartition("@")
    domain = domain.encode("idna").decode()  # UnicodeError is a ValueError
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        raise ValueError("not a mail address")
    return Address(display_name=_one_line(name, 100), username=local, domain=domain)


def _one_line(text: str, most: int) -> str:
    """Without line ends and controls, so that no name can begin a header of its own."""
    return _CONTROLS.sub(" ", text).strip()[:most]


def _token(delivery: str) -> str:
    """The delivery id where it fits into a Message-ID, else its digest: the same at every try."""
    plain = re.fullmatch(r"[A-Za-z0-9_-]{1,64}", delivery)
    return delivery if plain else hashlib.sha256(delivery.encode()).hexdigest()[:40]
