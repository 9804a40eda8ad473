"""The mailbox of the playground: a real SMTP receiver, talked to by the client that the product uses."""

from collections.abc import AsyncIterator
from email.message import EmailMessage

import aiosmtplib
import pytest

from adapters.playground.mailbox import Mailbox


@pytest.fixture
async def mailbox() -> AsyncIterator[Mailbox]:
    box = Mailbox(lambda: 1_700_000_000.0, size_limit=50_000)
    await box.start()
    yield box
    await box.stop()


def mail(
    to: str = "aiko@example.jp", text: str = "おかえり https://example.jp/join?code=A-1。", html: str = ""
) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "人事 <hr@example.co.jp>", to, "お知らせ 髙橋様"
    message["List-Unsubscribe"] = "<https://example.jp/stop>"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


async def send(mailbox: Mailbox, message: EmailMessage) -> None:
    await aiosmtplib.send(message, hostname="127.0.0.1", port=mailbox.port)


async def test_a_mail_is_kept_as_it_was_sent(mailbox: Mailbox) -> None:
    html = '<p>おかえり <a href="https://example.jp/join?code=A-1">参加</a> <a href="https://example.jp/terms">規約</a></p>'
    await send(mailbox, mail(html=html))
    (found,) = mailbox.mails("AIKO@example.jp")
    assert (found.id, found.to, found.sender) == (1, ("aiko@example.jp",), "hr@example.co.jp")
    assert (found.subject, found.received_at) == ("お知らせ 髙橋様", 1_700_000_000.0)
    assert found.text.startswith("おかえり")
    assert found.html.strip() == html
    assert found.headers["List-Unsubscribe"] == "<https://example.jp/stop>"
    assert found.links == ("https://example.jp/join?code=A-1", "https://example.jp/terms")
    assert mailbox.mail(1) == found
    assert mailbox.mails("other@example.jp") == []


async def test_it_can_refuse_for_good_and_for_now(mailbox: Mailbox) -> None:
    mailbox.bounce.add("gone@example.jp")
    mailbox.defer.add("later@example.jp")
    for address, code in (("Gone@example.jp", 550), ("later@example.jp", 451)):
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as caught:
            await send(mailbox, mail(to=address))
        assert caught.value.recipients[0].code == code
    mailbox.defer.clear()
    await send(mailbox, mail(to="later@example.jp"))
    assert [one.to for one in mailbox.mails()] == [("later@example.jp",)]
    mailbox.clear()
    assert (mailbox.mails(), mailbox.count) == ([], 1)


async def test_a_huge_mail_is_refused_and_a_broken_one_is_kept(mailbox: Mailbox) -> None:
    with pytest.raises(aiosmtplib.SMTPException):
        await send(mailbox, mail(text="x" * 60_000))
    broken = b"Subject: =?nope?x?=\r\nContent-Type: text/plain; charset=klingon\r\n\r\n\xff\xfe abc\r\n"
    async with aiosmtplib.SMTP(hostname="127.0.0.1", port=mailbox.port) as client:
        await client.sendmail("a@example.jp", ["b@example.jp"], broken)
    (found,) = mailbox.mails()
    assert "abc" in found.text


async def test_a_given_port_and_none_before_the_start(mailbox: Mailbox) -> None:
    second = Mailbox(lambda: 0.0, port=mailbox.port)
    with pytest.raises(RuntimeError, match="not started"):
        assert second.port
    with pytest.raises(OSError, match="address already in use"):
        await second.start()
    port = mailbox.port
    await mailbox.stop()
    await second.start()
    assert second.port == port
    await second.stop()
