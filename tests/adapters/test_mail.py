"""Mails as a real SMTP receiver gets them, and what each failure of a mail server means."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.mail import LinkInviter, MailDoors, Postbox, SmtpMailer, knock
from adapters.playground.mailbox import Mailbox
from bot.brand import Brand
from bot.conversation import Button, Buttons, Card, Link, Paragraph, t
from bot.errors import Ambiguous, Away, Retry, Trouble, Undeliverable
from bot.ports import Guest, MailTo, Outgoing
from tests.adapters.samples import BRAND, EVERYTHING, NASTY, bound, sample_texts
from tests.desk import POLICY

AIKO = MailTo("aiko@example.jp", "田中 愛子")


def now() -> datetime:
    return datetime(2026, 3, 31, 9, 0, tzinfo=UTC)


def mailer(
    url: str = "smtp://127.0.0.1:9", doors: MailDoors | None = None, brand: Brand = BRAND
) -> SmtpMailer:
    return SmtpMailer(Postbox(url, "okaeri@example.jp", now), sample_texts(), brand, doors)


def letter(card: Card = EVERYTHING, locale: str = "ja", delivery: str = "nudge:1:1") -> Outgoing:
    return Outgoing(delivery, card, locale)


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    box = Mailbox(now=time.time)
    await box.start()
    yield box
    await box.stop()


def at(box: Mailbox) -> str:
    return f"smtp://127.0.0.1:{box.port}"


async def test_a_card_arrives_in_two_bodies(mailbox: Mailbox) -> None:
    await mailer(at(mailbox)).send(AIKO, letter())
    (mail,) = mailbox.mails("aiko@example.jp")
    assert mail.subject == "お知らせがあります"
    assert (
        mail.headers["From"] == "おかえりネット <b> <okaeri@example.jp>" or "okaeri@example.jp" in mail.sender
    )
    assert "aiko@example.jp" in mail.headers["To"]
    assert "hr@example.jp" in mail.headers["Reply-To"]
    assert mail.headers["Auto-Submitted"] == "auto-generated"
    assert mail.headers["Date"] == "Tue, 31 Mar 2026 09:00:00 +0000"
    for body in (mail.text, mail.html):
        assert "さん、おかえりなさい" in body
        assert "2026年3月31日(火)" in body
        assert "https://okaeri.example/join" in body
        assert "窓口：人事部 佐藤" in body
        assert "javascript:" not in body
    assert "<https://evil.example|click>" in mail.text
    assert "&lt;https://evil.example|click&gt;" in mail.html


def test_a_moment_is_told_in_the_readers_zone() -> None:
    card = Card("題", (Paragraph(t("sample.wrong", day=now())),))
    for zone, told in (("", "18:00"), ("Europe/London", "10:00")):
        assert told in part(mailer().compose(AIKO, Outgoing("x", card, "en", zone=zone)), "plain")


@pytest.mark.parametrize(("locale", "word"), [("ja", "利用規約"), ("en", "Terms")])
async def test_both_languages(mailbox: Mailbox, locale: str, word: str) -> None:
    await mailer(at(mailbox)).send(AIKO, letter(locale=locale))
    (mail,) = mailbox.mails()
    assert word in mail.text
    assert f'<html lang="{locale}">' in mail.html
    assert mail.headers["Content-Language"] == locale


async def test_the_same_delivery_has_the_same_message_id(mailbox: Mailbox) -> None:
    for delivery in ("nudge:1:1", "nudge:1:1", "nudge:1:2", "plain-7"):
        await mailer(at(mailbox)).send(AIKO, letter(delivery=delivery))
    first, again, other, plain = (mail.headers["Message-ID"] for mail in mailbox.mails())
    assert first == again != other
    assert plain == "<plain-7@example.jp>"


def bodies(card: Card, doors: MailDoors | None = None) -> tuple[str, str]:
    mail = mailer(doors=doors).compose(AIKO, letter(card))
    return part(mail, "plain"), part(mail, "html")


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert isinstance(found, EmailMessage)
    return str(found.get_content())


def test_a_button_without_a_page_is_left_out_and_that_is_said() -> None:
    asking = Card(
        "題", (Buttons((Button("はい", bound(n=1)), Button("ひらく", Link("https://a.example/")))),)
    )
    for body in bodies(asking):
        assert "はい" not in body
        assert "ひらく" in body
        assert "メールからは選べない項目があります" in body


def test_a_button_with_a_page_is_a_link() -> None:
    doors = MailDoors(
        link_for=lambda press, label, to: f"https://okaeri.example/{press.action}?{label}{len(to.email)}"
    )
    for body in bodies(Card("題", (Buttons((Button("はい", bound(n=1)),)),)), doors):
        assert "https://okaeri.example/find.more?はい15" in body
        assert "選べない" not in body


def test_the_way_out_is_a_mail_until_there_is_a_page() -> None:
    mail = mailer().compose(AIKO, letter())
    assert mail["List-Unsubscribe"] == "<mailto:hr@example.jp?subject=unsubscribe>"
    assert mail["List-Unsubscribe-Post"] is None


async def test_the_way_out_stays_legible_however_long(mailbox: Mailbox) -> None:
    page = "https://okaeri.example/stop/" + "k" * 200
    await mailer(at(mailbox), MailDoors(unsubscribe=lambda to, purpose: page)).send(AIKO, letter())
    (mail,) = mailbox.mails()
    assert mail.headers["List-Unsubscribe"] == f"<{page}>, <mailto:hr@example.jp?subject=unsubscribe>"
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert page in mail.text
    raw = mailer(doors=MailDoors(unsubscribe=lambda to, purpose: page)).compose(AIKO, letter()).as_bytes()
    assert f"List-Unsubscribe: <{page}>".encode() in raw
    assert max(len(line) for line in raw.splitlines()) < 998


NAMES = st.one_of(
    st.sampled_from(NASTY), st.text(max_size=40), st.text(alphabet='\r\n\t"<>,;: aB=?\u2028\x00', max_size=40)
)


@settings(max_examples=40)
@given(NAMES, NAMES)
def test_no_name_begins_a_header(name: str, subject: str) -> None:
    card = Card(t("sample.title", name=subject), (Paragraph(name),), None)
    brand = Brand(name, name, name, "hr@example.jp")
    mail = mailer(brand=brand).compose(
        MailTo("aiko@example.jp", f"{name}\r\nBcc: spy@example.com"), letter(card)
    )
    wanted = {
        "From", "To", "Reply-To", "Subject", "Date", "Message-ID", "Auto-Submitted", "List-Unsubscribe",
        "MIME-Version", "Content-Type", "Content-Language",
    }  # fmt: skip
    head = mail.as_bytes().split(b"\r\n\r\n")[0].decode("ascii")
    assert {line.split(":")[0] for line in head.split("\r\n") if not line.startswith((" ", "\t"))} == wanted


@pytest.mark.parametrize(
    "email",
    [
        "",
        "aiko",
        "a@b@c.jp",
        "愛子@example.jp",
        "a\r\nRCPT TO:<x@y.z>@example.jp",
        "<a@example.jp>",
        "a b@c.jp",
    ],
)
async def test_an_address_that_is_none_is_undeliverable(email: str) -> None:
    with pytest.raises(Undeliverable, match="bad_address"):
        await mailer().send(MailTo(email), letter())


def test_a_japanese_domain_is_written_for_the_wire() -> None:
    mail = mailer().compose(MailTo("aiko@例え.jp"), letter())
    assert "aiko@xn--r8jz45g.jp" in str(mail["To"])


# --- failures --------------------------------------------------------------------------------------


async def test_a_refused_mailbox_and_a_busy_one(mailbox: Mailbox) -> None:
    mailbox.bounce.add("gone@example.jp")
    mailbox.defer.add("busy@example.jp")
    with pytest.raises(Undeliverable, match="mailbox_refused"):
        await mailer(at(mailbox)).send(MailTo("gone@example.jp"), letter())
    with pytest.raises(Retry, match="smtp_451"):
        await mailer(at(mailbox)).send(MailTo("busy@example.jp"), letter())
    assert mailbox.count == 0


async def test_nobody_listening_is_a_retry(mailbox: Mailbox) -> None:
    url = at(mailbox)
    await mailbox.stop()
    with pytest.raises(Retry, match="smtp_unreachable"):
        await mailer(url).send(AIKO, letter())


async def test_a_server_without_tls_gets_no_mail_in_clear(mailbox: Mailbox) -> None:
    with pytest.raises(Retry, match="smtp_unsupported"):
        await mailer(at(mailbox).replace("smtp:", "smtp+starttls:")).send(AIKO, letter())
    assert mailbox.count == 0


Script = dict[bytes, bytes]
USUAL = {
    b"EHLO": b"250-here\r\n250 AUTH PLAIN",
    b"MAIL": b"250 ok",
    b"RCPT": b"250 ok",
    b"DATA": b"354 go",
    b".": b"250 ok",
}


@pytest.fixture
async def scripted() -> AsyncIterator[Callable[[Script], Awaitable[str]]]:
    """A mail server that says what it is told to; an empty line hangs up."""
    servers: list[asyncio.Server] = []

    async def start(script: Script) -> str:
        answers = {**USUAL, **script}

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 here\r\n")
            inside = False
            while line := await reader.readline():
                word = line.strip() if inside else line.split()[0].upper()
                if inside and word != b".":
                    continue
                answer = answers.get(word, b"250 ok")
                if not answer:
                    break
                inside = word == b"DATA" and answer.startswith(b"354")
                writer.write(answer + b"\r\n")
            writer.close()

        servers.append(server := await asyncio.start_server(talk, "127.0.0.1", 0))
        return f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    ("script", "kind", "reason"),
    [
        ({b"MAIL": b"550 not you"}, Away, "smtp_550"),
        ({b"MAIL": b"421 busy"}, Away, "smtp_421"),
        ({b"MAIL": b""}, Away, "smtp_unreachable"),
        ({b"RCPT": b"553 no"}, Undeliverable, "mailbox_refused"),
        ({b"RCPT": b"550 5.1.1 no such user"}, Undeliverable, "mailbox_refused"),
        ({b"RCPT": b"550 5.2.1 disabled"}, Undeliverable, "mailbox_refused"),
        ({b"RCPT": b"552 5.2.2 full"}, Retry, "smtp_552"),
        ({b"RCPT": b"552 full"}, Retry, "smtp_552"),
        ({b"RCPT": b"554 5.7.1 <a@b.jp>: Relay access denied"}, Retry, "smtp_554"),
        ({b"RCPT": b"554 Relay access denied"}, Retry, "smtp_554"),
        ({b"RCPT": b"550 5.7.60 no permission to send as this sender"}, Retry, "smtp_550"),
        ({b"RCPT": b"451 4.7.1 greylisted"}, Retry, "smtp_451"),
        ({b"RCPT": b"421 4.3.2 closing"}, Away, "smtp_421"),
        ({b"RCPT": b""}, Retry, "smtp_unreachable"),
        ({b"DATA": b"452 full"}, Retry, "smtp_452"),
        ({b".": b"554 unwanted"}, Undeliverable, "mail_refused"),
        ({b".": b"451 later"}, Retry, "smtp_451"),
        ({b".": b""}, Ambiguous, "connection_lost"),
        ({b"EHLO": b"", b"HELO": b""}, Away, "smtp_unreachable"),
    ],
)
async def test_what_a_server_says_means(
    scripted: Callable[[Script], Awaitable[str]], script: Script, kind: type[Trouble], reason: str
) -> None:
    with pytest.raises(kind, match=reason) as told:
        await mailer(f"smtp://{await scripted(script)}").send(AIKO, letter())
    assert type(told.value) is kind


async def test_a_wrong_password_waits_for_hr(scripted: Callable[[Script], Awaitable[str]]) -> None:
    place = await scripted({b"AUTH": b"535 no"})
    with pytest.raises(Retry, match="smtp_535") as told:
        await mailer(f"smtp://okaeri:p%40ss@{place}").send(AIKO, letter())
    assert told.value.after == 300


async def test_a_knock_sends_nothing(mailbox: Mailbox) -> None:
    await knock(Postbox(at(mailbox), "okaeri@example.jp", now))
    assert mailbox.mails() == []


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ({b"AUTH": b"535 no"}, "smtp_535"),
        ({b"EHLO": b"", b"HELO": b""}, "smtp_unreachable"),
        ({b"EHLO": b"250 here"}, "smtp_unsupported"),
    ],
)
async def test_a_knock_meets_what_a_mail_would_meet(
    scripted: Callable[[Script], Awaitable[str]], script: Script, reason: str
) -> None:
    with pytest.raises(Retry, match=reason):
        await knock(Postbox(f"smtp://okaeri:pass@{await scripted(script)}", "okaeri@example.jp", now))


def test_a_password_in_clear_is_known_as_such() -> None:
    def in_clear(url: str) -> bool:
        return Postbox(url, "", now).in_clear()

    assert in_clear("smtp://okaeri:pass@mail.example.jp")
    assert not any(map(in_clear, ("smtp://mail.example.jp", "smtps://a:b@c.jp", "smtp://a:b@127.0.0.1:25")))


async def test_a_farewell_that_fails_undoes_nothing(scripted: Callable[[Script], Awaitable[str]]) -> None:
    await mailer(f"smtp://{await scripted({b'QUIT': b''})}").send(AIKO, letter())


def test_where_mail_goes_is_one_address() -> None:
    box = Postbox("smtp+starttls://okaeri:p%40ss@mail.example.jp", "Okaeri <okaeri@example.jp>", now)
    known = box.connection()
    assert (known["hostname"], known["port"], known["password"]) == ("mail.example.jp", 587, "p@ss")
    assert (known["start_tls"], known["use_tls"]) == (True, False)
    assert "p%40ss" not in repr(box)
    assert Postbox("smtps://mail.example.jp", "", now).connection()["port"] == 465
    for wrong in ("mail.example.jp", "http://mail.example.jp", "smtp://"):
        with pytest.raises(ValueError, match="not an smtp"):
            Postbox(wrong, "", now).connection()


async def test_the_plain_invitation_is_the_link_of_the_workspace() -> None:
    guest = Guest("p1", "aiko@example.jp")
    policy = replace(POLICY, invitation_url="https://join.slack.example/t/x")
    inviter = LinkInviter(policy, now)
    assert await inviter.invite(guest) == Link("https://join.slack.example/t/x")
    policy.adopt(replace(POLICY, invitation_url="https://join.slack.example/t/y"))
    assert await inviter.invite(guest) == Link("https://join.slack.example/t/y")
    with pytest.raises(Undeliverable, match="no_invitation_link"):
        await LinkInviter(POLICY, now).invite(guest)


@pytest.mark.parametrize(("hour", "works"), [(14, True), (15, False)])
async def test_an_invitation_link_works_to_the_end_of_its_last_day(hour: int, works: bool) -> None:
    """15:00 in UTC is midnight at the company."""
    last = date(2026, 3, 31)
    policy = replace(POLICY, invitation_url="https://join.slack.example/t/x", invitation_expires=last)
    inviter = LinkInviter(policy, lambda: datetime(2026, 3, 31, hour, tzinfo=UTC))
    if works:
        await inviter.invite(Guest("p_1", "aiko@example.jp"))
        return
    with pytest.raises(Undeliverable, match="invitation_link_expired"):
        await inviter.invite(Guest("p_1", "aiko@example.jp"))


def test_a_new_name_and_contact_stand_on_the_next_mail() -> None:
    brand = replace(BRAND)
    ours = mailer(brand=brand)
    ours.compose(AIKO, letter())
    brand.adopt(replace(BRAND, network="みなと会", contact_email="new@example.jp"))
    mail = ours.compose(AIKO, letter())
    assert "みなと会" in str(mail["From"])
    assert "new@example.jp" in str(mail["Reply-To"])
    assert "みなと会" in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
