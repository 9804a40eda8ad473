"""Cards and forms as what the page templates draw: words escaped there, buttons forms of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Protocol

from jinja2 import Environment, FileSystemLoader, Template, select_autoescape

from bot.brand import Brand
from bot.conversation import (
    Arg,
    Block,
    Bound,
    Button,
    Buttons,
    Card,
    Divider,
    Entry,
    Facts,
    Field,
    Form,
    Link,
    Mention,
    Note,
    Option,
    Paragraph,
    Picture,
    Text,
    Words,
    t,
)
from bot.texts import Part, Run, Texts

_WEB = ("https://", "http://", "mailto:")
Piece = dict[str, Any]


class Seat(Protocol):
    """Who reads a page, and how their buttons are pressed."""

    locale: str
    zone: str
    by_mail: ClassVar[bool]
    """Whether somebody else may hold the link, or a scanner open it: no address is filled in."""

    def way(self, bound: Bound, label: str) -> Piece:
        """`{"post": path, "hidden": {…}}` of a button that acts, `{"to": path}` of one that leads on."""
        ...

    def nav(self) -> Sequence[Piece]:
        """Where else one can go from every page: ways with a `text` each."""
        ...


@dataclass(frozen=True, slots=True)
class Typed:
    """What somebody typed into a form, what is wrong with it, and what a search field found."""

    values: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    errors: Mapping[str, Text] = field(default_factory=dict)
    found: Mapping[str, tuple[Option, ...]] = field(default_factory=dict)
    sought: Mapping[str, str] = field(default_factory=dict)


@cache
def _templates() -> tuple[Template, ...]:
    """Of a card, a form, an upload; read once in a process."""
    surroundings = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(["html"]),
        auto_reload=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return tuple(surroundings.get_template(f"{name}.html") for name in ("card", "form", "upload"))


class Renderer:
    """Draws whole pages; `texts` and `brand` are read at every page, so that a change is seen at once."""

    def __init__(self, texts: Texts, brand: Brand) -> None:
        self._texts, self._brand = texts.by_page(), brand
        self._card, self._form, self._upload = _templates()

    def card(self, card: Card, seat: Seat, *more: tuple[str, Piece], again: int = 0) -> str:
        """A card as a page; `more` are buttons of the page itself: a sentence's key and its way. A browser
        looks `again` after so many seconds."""
        writer = _Writer(self._texts, seat)
        blocks = [b for block in card.body for b in writer.blocks(block)]
        if more:
            ways = [{"text": writer.plain(t(key)), "style": "primary"} | way for key, way in more]
            blocks.append({"kind": "buttons", "buttons": ways})
        return self._card.render(**self._frame(writer, card.title), blocks=blocks, again=again)

    def upload(self, seat: Seat, way: Piece, endings: Sequence[str]) -> str:
        """The page that takes a file."""
        writer = _Writer(self._texts, seat)
        frame = self._frame(writer, t("web.upload"))
        return self._upload.render(**frame, way=way, endings=",".join(endings))

    def form(self, form: Form, seat: Seat, typed: Typed = Typed()) -> str:
        """A form as a page; what was typed stays, errors stand beside their fields and above them all."""
        writer = _Writer(self._texts, seat)
        way = seat.way(form.submit, "")
        if "post" not in way:  # a form of another purpose than the reader's link
            return self.ask(seat, form.title, t("web.sign_in_first"), t("web.go_on_there"), way)
        fields = [writer.field(one, typed) for one in form.fields]
        return self._form.render(
            **self._frame(writer, form.title),
            intro=[b for block in form.intro for b in writer.blocks(block)],
            fields=fields,
            wrong=[one for one in fields if one["error"]],
            submit=writer.plain(form.button or t("brand.send")),
            way=way,
        )

    def ask(self, seat: Seat, title: Words, text: Text, label: Words, way: Piece) -> str:
        """A page of our own words with one button on it."""
        writer = _Writer(self._texts, seat)
        button = {"text": writer.plain(label), "style": "primary"} | way
        blocks = [
            {"kind": "paragraph", "words": writer.parts(text)},
            {"kind": "buttons", "buttons": [button]},
        ]
        return self._card.render(**self._frame(writer, title), blocks=blocks)

    def tab(self, seat: Seat, url: str) -> str:
        """The page in a chat's tab: its links, all of them, open in a browser's own window."""
        writer = _Writer(self._texts, seat)
        button = {"text": writer.plain(t("web.tab_button")), "style": "primary", "to": url, "outside": True}
        blocks = [
            {"kind": "paragraph", "words": writer.parts(t("web.tab_text"))},
            {"kind": "buttons", "buttons": [button]},
        ]
        frame = self._frame(writer, t("web.tab", network=self._brand.network))
        return self._card.render(**frame | {"nav": (), "outside": True}, blocks=blocks)

    def _frame(self, writer: _Writer, title: Words) -> Piece:
        brand = self._brand
        line = t("brand.line", network=brand.network, company=brand.company, contact=brand.contact_name)
        return {
            "locale": writer.seat.locale,
            "brand": brand,
            "title": writer.parts(title),
            "plain_title": writer.plain(title),
            "line": writer.plain(line),
            "say": lambda key: writer.plain(t(key)),
            "nav": [dict(way, text=writer.plain(way["text"])) for way in writer.seat.nav()],
            "saying": _saying(writer.seat),
            "terms": brand.terms_url if brand.terms_url.startswith(_WEB) else "",
        }


def _saying(seat: Seat) -> Piece | None:
    """The way to send typed words, where the seat has one: a way of its own, so that each is sent once."""
    return next((way for way in seat.nav() if "words" in way.get("hidden", {})), None)


class _Writer:
    """One reader's words."""

    def __init__(self, texts: Texts, seat: Seat) -> None:
        self._texts, self.seat = texts, seat

    def plain(self, words: Words | Arg) -> str:
        """A sentence without markup."""
        if isinstance(words, Text | str):
            return self._texts.plain(words, self.seat.locale, self.seat.zone)
        return str(words)

    def parts(self, words: Words) -> list[Piece]:
        """A sentence as `{"text", "bold", "url"}` pieces; line breaks inside are the template's."""
        return [self._part(part) for part in self._texts.parts(words, self.seat.locale, self.seat.zone)]

    def _part(self, part: Part) -> Piece:
        match part:
            case Run(text=text):
                return {"text": text, "bold": part.bold}
            case Mention():
                return {"text": part.words}
            case Link():
                words = self.plain(part.label) or part.url
                return {"text": words, "url": part.url if part.url.startswith(_WEB) else ""}

    def blocks(self, block: Block) -> Iterator[Piece]:
        """What the template draws of one block of a card."""
        match block:
            case Paragraph(text=words):
                yield {"kind": "paragraph", "words": self.parts(words)}
            case Note(text=words):
                yield {"kind": "note", "words": self.parts(words)}
            case Facts(rows=rows):
                yield {
                    "kind": "facts",
                    "rows": [(self.parts(label), self.parts(value)) for label, value in rows],
                }
            case Entry(title=title, detail=detail, button=button):
                yield {
                    "kind": "entry",
                    "words": self.parts(title),
                    "detail": self.parts(detail),
                    "button": self.button(button, about=self.plain(title)) if button else None,
                }
            case Buttons(buttons=buttons):
                yield {"kind": "buttons", "buttons": [self.button(one) for one in buttons]}
            case Divider():
                yield {"kind": "rule"}
            case Picture(url=url, alternative=words):
                shown = url if url.startswith("https://") else ""
                yield {"kind": "picture", "url": shown, "words": self.plain(words)}

    def button(self, button: Button, about: str = "") -> Piece:
        """A button; `about` says to who cannot see it which entry it belongs to."""
        label = self.plain(button.label)
        drawn: Piece = {"text": label, "style": button.style, "about": about}
        if isinstance(button.press, Link):
            url = button.press.url
            return drawn | {"to": url if url.startswith(_WEB) else ""}
        return drawn | self.seat.way(button.press, label)

    def field(self, one: Field, typed: Typed) -> Piece:
        """One question with what stands in it."""
        veiled = one.kind == "email" and self.seat.by_mail
        value = typed.values.get(one.name, "" if veiled else one.value)
        chosen = value if isinstance(value, tuple) else (value,)
        options = typed.found.get(one.name, one.options)
        error = typed.errors.get(one.name)
        return {
            "name": one.name,
            "kind": one.kind,
            "label": self.plain(one.label),
            "hint": self.plain(one.hint) if one.hint else "",
            "required": one.required,
            "limit": one.limit,
            "value": value if isinstance(value, str) else "",
            "options": [(o.value, self.plain(o.label), o.value in chosen) for o in options],
            "error": self.plain(error) if error else "",
            "sought": typed.sought.get(one.name),
        }
