"""The playground's mailbox: a real SMTP receiver on loopback that keeps what it is sent."""

import asyncio
import email
import email.policy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from html.parser import HTMLParser
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST: Final = "127.0.0.1"
SIZE_LIMIT: Final = 2 * 1024 * 1024  # bytes of one mail
_KEPT: Final = 5_000
_LINK: Final = re.compile(r"https?://[^\s<>\"'「」（）)\]]+")
_AT_THE_END: Final = ".,;:!?。、"


@dataclass(frozen=True, slots=True)
class Mail:
    """One received mail. `to`: the envelope's receivers, lower case; `received_at`: seconds since 1970."""

    id: int
    to: tuple[str, ...]
    sender: str
    subject: str
    text: str
    html: str
    headers: Mapping[str, str]
    received_at: float

    @property
    def links(self) -> tuple[str, ...]:
        """The web addresses in the text, then those of the HTML that are not in the text, each once."""
        found = [link.rstrip(_AT_THE_END) for link in _LINK.findall(self.text)]
        return tuple(dict.fromkeys([*found, *_links_in(self.html)]))


class Mailbox:
    """A receiver on 127.0.0.1; addresses in `bounce` are answered 550, those in `defer` 451 (lower case).

    `count` is the number of mails received so far; the newest mail has it as its id.
    """

    def __init__(self, now: Callable[[], float], port: int = 0, size_limit: int = SIZE_LIMIT) -> None:
        self.bounce: set[str] = set()
        self.defer: set[str] = set()
        self.count = 0
        self._wanted = port
        self._now = now
        self._size_limit = size_limit
        self._server: asyncio.Server | None = None
        self._mails: list[Mail] = []

    @property
    def port(self) -> int:
        """The port that is listened on; `RuntimeError` before `start`."""
        if self._server is None:
            raise RuntimeError("the mailbox is not started")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen; `OSError` when the port is taken."""
        loop = asyncio.get_running_loop()
        receiver = _Receiver(self)
        self._server = await loop.create_server(
            lambda: SMTP(
                receiver,
                hostname="mailbox.localhost",
                ident="mailbox",
                data_size_limit=self._size_limit,
                enable_SMTPUTF8=True,
                loop=loop,
            ),
            HOST,
            self._wanted,
        )

    async def stop(self) -> None:
        """Stop listening; what was received stays readable."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def mails(self, address: str | None = None) -> list[Mail]:
        """What was received, oldest first: all (the last 5,000 are kept), or what went to one address."""
        wanted = address.lower() if address else None
        return [mail for mail in self._mails if wanted is None or wanted in mail.to]

    def mail(self, number: int) -> Mail | None:
        """The mail with this id, if it is still kept."""
        return next((mail for mail in self._mails if mail.id == number), None)

    def clear(self) -> None:
        """Throw all mails away."""
        self._mails.clear()

    def refusal(self, address: str) -> str | None:
        """The SMTP answer for a receiver that is refused, or None."""
        if address.lower() in self.bounce:
            return "550 5.1.1 no such mailbox"
        return "451 4.3.0 try again later" if address.lower() in self.defer else None

    def keep(self, sender: str, receivers: tuple[str, ...], content: bytes) -> Mail:
        """Parse and keep one mail."""
        self.count += 1
        message = email.message_from_bytes(content, _class=EmailMessage, policy=email.policy.default)
        mail = Mail(
            id=self.count,
            to=tuple(one.lower() for one in receivers),
            sender=sender,
            subject=str(message.get("Subject", "")),
            text=_part(message, "plain"),
            html=_part(message, "html"),
            headers={name: str(value) for name, value in message.items()},
            received_at=self._now(),
        )
        self._mails.append(mail)
        del self._mails[:-_KEPT]
        return mail


@dataclass(frozen=True)  # no slots: aiosmtpd looks at every member, which Python 3.11.2 cannot with them
class _Receiver:
    """The hooks that aiosmtpd calls by name."""

    mailbox: Mailbox

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        refusal = self.mailbox.refusal(address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        self.mailbox.keep(str(envelope.mail_from or ""), tuple(envelope.rcpt_tos), content)
        return "250 OK"


def _part(message: EmailMessage, kind: str) -> str:
    """The text or HTML body; bytes that are not valid in their charset are replaced."""
    body = message.get_body((kind,))
    if body is None:
        return ""
    content = body.get_payload(decode=True)
    data = content if isinstance(content, bytes) else b""
    try:
        return data.decode(body.get_content_charset("utf-8"), "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


class _Links(HTMLParser):
    """Collects where the `<a>` elements lead."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser for every element."""
        for name, value in attrs:
            if tag == "a" and name == "href" and value and value.startswith(("http://", "https://")):
                self.found.append(value)


def _links_in(html: str) -> list[str]:
    parser = _Links()
    parser.feed(html)
    return parser.found
