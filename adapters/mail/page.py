"""A card as the two bodies of a mail, plain text and HTML, from one list of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, Template

from bot.brand import Brand
from bot.conversation import (
    Block,
    Bound,
    Button,
    Buttons,
    Divider,
    Entry,
    Facts,
    Link,
    Mention,
    Note,
    Paragraph,
    Picture,
    Words,
    t,
)
from bot.ports import MailTo, Outgoing
from bot.texts import Part, Run, Texts

_WEB = ("https://", "http://", "mailto:")
_GAP = {"text": "\u2003"}  # between label and value, in no language
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class MailDoors:
    """The pages behind a mail, made for its receiver: one per button (with its label), and one that stops the
    mails of a purpose. Empty where there is no page for this receiver.

    Opening such a page must not act by itself (RFC 8058: only the POST does): scanners follow every link.
    """

    link_for: Callable[[Bound, str, MailTo], str] | None = None
    unsubscribe: Callable[[MailTo, str], str] | None = None


@dataclass(frozen=True, slots=True)
class Bodies:
    """One mail's subject and its two bodies."""

    subject: str
    text: str
    html: str


@cache
def _templates() -> tuple[Template, Template]:
    """The page and its plain words, read once in a process."""
    folder = FileSystemLoader(Path(__file__).parent / "templates")
    return (
        Environment(loader=folder, autoescape=True, trim_blocks=True).get_template("mail.html"),
        Environment(loader=folder, autoescape=False, trim_blocks=True).get_template("mail.txt"),  # noqa: S701
    )


class MailPage:
    """Writes cards for mailboxes. Dates are told in `zone` where the reader's own is not known."""

    def __init__(self, texts: Texts, brand: Brand, doors: MailDoors, zone: str) -> None:
        self._texts, self._brand, self._doors, self._zone = texts, brand, doors, zone
        self._html, self._text = _templates()

    def bodies(self, to: MailTo, message: Outgoing) -> Bodies:
        """The card for one receiver; buttons that no page stands behind are left out, and that is said."""
        card, locale, zone = message.card, message.locale, message.zone or self._zone
        writer = _Writer(self._texts, locale, zone, self._links(to))
        rows = [row for block in card.body for row in writer.rows(block) if row]
        if writer.left_out:
            who = {"network": self._brand.network, "contact": self._brand.contact_name}
            rows.append({"words": writer.parts(t("mail.answer_elsewhere", **who)), "small": True})
        subject = self._texts.plain(card.notice or card.title, locale, zone)
        known = {
            "subject": subject,
            "locale": locale,
            "brand": self._brand,
            "title": writer.parts(card.title),
            "rows": rows,
            "frame": self._frame(writer, self.way_out(to, message.purpose)),
        }
        return Bodies(subject, self._text.render(known), self._html.render(known))

    def way_out(self, to: MailTo, purpose: str) -> str:
        """The page that stops the mails of this purpose; "" where there is none."""
        return self._doors.unsubscribe(to, purpose) if self._doors.unsubscribe else ""

    def _links(self, to: MailTo) -> Callable[[Bound, str], str]:
        link_for = self._doors.link_for
        return (lambda bound, label: link_for(bound, label, to)) if link_for else lambda _bound, _label: ""

    def _frame(self, writer: _Writer, stop: str) -> list[list[Row]]:
        """The small lines under every mail: who runs this, where to write, the terms, the way out."""
        brand = self._brand
        line = t("brand.line", network=brand.network, company=brand.company, contact=brand.contact_name)
        lines = [writer.parts(line)]
        if brand.contact_email:
            lines.append([{"text": brand.contact_email, "url": f"mailto:{brand.contact_email}"}])
        for url, key in ((brand.terms_url, "brand.terms"), (stop, "mail.unsubscribe")):
            if url.startswith(_WEB):
                lines.append([writer.link(Link(url, t(key)))])
        return lines


class _Writer:
    """Turns sentences into parts and blocks into rows; remembers whether a button had to be left out."""

    def __init__(self, texts: Texts, locale: str, zone: str, page_of: Callable[[Bound, str], str]) -> None:
        self._texts, self._locale, self._zone, self._page_of = texts, locale, zone, page_of
        self.left_out = False

    def parts(self, words: Words, bold: bool = False) -> list[Row]:
        """A sentence as `{"text", "bold", "url"}` parts; the templates escape them."""
        return [self._part(part, bold) for part in self._texts.parts(words, self._locale, self._zone)]

    def link(self, link: Link) -> Row:
        """A link, or only its words when the address is not one of the web."""
        words = self._texts.plain(link.label, self._locale, self._zone) or link.url
        return {"text": words, "url": link.url if link.url.startswith(_WEB) else ""}

    def rows(self, block: Block) -> Iterator[Row]:
        """What the templates draw of one block."""
        match block:
            case Paragraph(text=words):
                yield {"words": self.parts(words)}
            case Note(text=words):
                yield {"words": self.parts(words), "small": True}
            case Facts(rows=rows):
                for index, (label, value) in enumerate(rows):
                    line = [*self.parts(label, bold=True), _GAP, *self.parts(value)]
                    yield {"words": line, "close": index > 0}
            case Entry(title=title, detail=detail, button=button):
                row = {"words": self.parts(title, bold=True), "detail": self.parts(detail)}
                yield row | self._buttons([button] if button else [])
            case Buttons(buttons=buttons):
                yield self._buttons(buttons)
            case Divider():
                yield {"rule": True}
            case Picture(url=url, alternative=words):
                yield {"words": self.parts(words)} | ({"picture": url} if url.startswith("https://") else {})

    def _part(self, part: Part, bold: bool) -> Row:
        match part:
            case Run(text=text):
                return {"text": text, "bold": bold or part.bold}
            case Mention():
                return {"text": part.words, "bold": bold}
            case Link():
                return self.link(part)

    def _buttons(self, buttons: Iterable[Button]) -> Row:
        drawn: list[Row] = []
        for button in buttons:
            label = self._texts.plain(button.label, self._locale, self._zone)
            url = button.press.url if isinstance(button.press, Link) else self._page_of(button.press, label)
            if url.startswith(_WEB):
                drawn.append({"text": label, "url": url})
            else:
                self.left_out = True
        return {"buttons": drawn} if drawn else {}
