"""Cards, forms and suggestions as Adaptive Cards 1.5: messages, dialogs, answers to searches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from adapters.teams.claims import Typed, claim_of, form_data, is_form, sought_of, typed_of, values_of
from adapters.teams.elements import Pen, columns, elements_of, heading, note, paragraph, safe_url
from adapters.teams.forms import questions, suggestion
from adapters.teams.limits import EXTENSION, LABEL, LINE, MESSAGE, OPTIONS, TITLE, VERSION, Json, weigh
from adapters.teams.spelling import in_teams
from bot.brand import Brand
from bot.conversation import (
    Block,
    Bound,
    Button,
    Buttons,
    Card,
    Entry,
    Facts,
    Form,
    Link,
    Option,
    Paragraph,
    Text,
    Words,
    t,
)
from bot.fitting import fit_line, units
from bot.texts import Texts

__all__ = ["Reader", "Renderer", "attachment", "claim_of", "is_form", "sought_of", "typed_of", "values_of"]

CARD = "application/vnd.microsoft.card.adaptive"
_PREVIEW = "application/vnd.microsoft.card.thumbnail"
_FOUND = "application/vnd.microsoft.search.searchResponse"
_ENVELOPE = 2000  # bytes kept free around a card: its type, and the activity it travels in
_HINT = 1000  # bytes kept free for "there is more"
_COMMA = 2  # bytes between two elements
_MANY = 4  # with more fields a dialog is tall


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: `ja` or `en`, and an IANA time zone; an empty one means the company's."""

    locale: str
    zone: str


def attachment(content: Json) -> Json:
    """A card as it hangs on a message or lies in a dialog."""
    return {"contentType": CARD, "content": content}


class Renderer:
    """Makes Adaptive Cards of cards and forms. `zone` is the company's; `texts` and `brand` are read at every
    card, so that a change is seen at once.

    Everywhere `ValueError` is a mistake of ours: arguments that do not fit, a field without choices.
    """

    def __init__(self, texts: Texts, zone: str, brand: Brand | None = None) -> None:
        self._texts, self._zone, self._brand = in_teams(texts), zone, brand

    def message(self, card: Card, reader: Reader) -> Json:
        """`{"type", "summary", "attachments"}` of a message. Raises `ValueError` for a sensitive card:
        messages are kept."""
        content = attachment(self.card(card, reader))
        summary = fit_line(self._pen(reader).string(card.notice or card.title), LABEL)
        return {"type": "message", "summary": summary, "attachments": [content]}

    def card(self, card: Card, reader: Reader, *, in_dialog: bool = False) -> Json:
        """The content of a card, as the body of a message or as a refresh after a press.

        `in_dialog` is the one way for a sensitive one (else `ValueError`); its buttons come back by
        `task/submit`.
        """
        if not in_dialog:
            _refuse_sensitive(card)
        pen = self._pen(reader, in_dialog)
        head = [] if in_dialog and _fits_bar(card.title, pen) else heading(card.title, pen)
        return self._framed(head, card, pen, MESSAGE - _ENVELOPE)

    def form(
        self,
        form: Form,
        reader: Reader,
        typed: Mapping[str, Typed] | None = None,
        errors: Mapping[str, Text] | None = None,
    ) -> Json:
        """The content of a dialog to fill in. Its submission carries the bound action (`claim_of`) and the
        values by field name (`values_of`). `typed` (complete, as `typed_of` gives it) stands in the fields
        instead of what they began with; an error stands under its field, one of no field above them all.
        """
        pen, wrong = self._pen(reader, in_dialog=True), {**form.errors, **(errors or {})}
        known = {field.name for field in form.fields}
        head = [] if _fits_bar(form.title, pen) else heading(form.title, pen)
        if wrong:
            above = [wrong[name] for name in wrong if name not in known] or [t("common.form_errors")]
            head += [row for text in above for row in paragraph(text, pen, color="attention")]
        inputs = questions(form, pen, typed, wrong)
        submit = {
            "type": "Action.Submit",
            "title": pen.line(form.button or t("brand.send"), LINE),
            "style": "positive",
            "data": form_data(form.submit, form.fields),
        }
        room = MESSAGE - _ENVELOPE - weigh(inputs) - weigh(submit)
        last = self._brand_line(pen)
        intro = _body(head, form.intro, pen, room - weigh(last))
        return _content([*intro, *inputs, *last], form.title, pen) | {"actions": [submit]}

    def dialog(
        self,
        shown: Card | Form,
        reader: Reader,
        typed: Mapping[str, Typed] | None = None,
        errors: Mapping[str, Text] | None = None,
    ) -> Json:
        """The `value` of a task that continues: `{"title", "height", "width", "card"}`.

        Source: TaskInfo in "Use dialogs with bots"; "small", "medium" and "large" are known sizes.
        """
        tall = isinstance(shown, Form) and len(shown.fields) > _MANY
        if isinstance(shown, Form):
            content = self.form(shown, reader, typed, errors)
        else:
            content = self.card(shown, reader, in_dialog=True)
        title = fit_line(self._pen(reader).string(shown.title), TITLE)
        size = {"height": "large" if tall else "medium", "width": "medium"}
        return {"title": title, **size, "card": attachment(content)}

    def options(self, options: Iterable[Option], reader: Reader) -> Json:
        """The answer to somebody typing in a search field: the first fifteen suggestions."""
        pen = self._pen(reader)
        found = [suggestion(choice, pen) for _, choice in zip(range(OPTIONS), options, strict=False)]
        return {"statusCode": 200, "type": _FOUND, "value": {"results": found}}

    def person(self, card: Card, reader: Reader) -> Json:
        """One result of a message extension: the card and its line in the list, under 28 kB together.

        It is posted where others read it and our bot may not be: its buttons stay away, its links stay.
        Raises `ValueError` for a sensitive card.
        """
        _refuse_sensitive(card)
        pen = self._pen(reader)
        public = replace(card, body=tuple(shown for node in card.body if (shown := _public(node))))
        line = {"title": pen.line(card.title, LINE), "text": pen.line(_gist(card, pen), LABEL)}
        preview = {"contentType": _PREVIEW, "content": line}
        room = EXTENSION - _ENVELOPE - weigh(preview)
        content = self._framed(heading(card.title, pen), public, pen, room)
        return attachment(content) | {"preview": preview}

    def _pen(self, reader: Reader, in_dialog: bool = False) -> Pen:
        return Pen(self._texts, reader.locale, reader.zone or self._zone, in_dialog)

    def _framed(self, head: list[Json], card: Card, pen: Pen, room: int) -> Json:
        last = self._brand_line(pen)
        body = _body(head, card.body, pen, room - weigh(last))
        return _content([*body, *last], card.notice or card.title, pen)

    def _brand_line(self, pen: Pen) -> list[Json]:
        """Who runs this, in small print, under every card; all addresses are data."""
        brand = self._brand
        if brand is None:
            return []
        line = t("brand.line", network=brand.network, company=brand.company, contact=brand.contact_name)
        more: list[Words | Link] = [brand.contact_email] if brand.contact_email else []
        if safe_url(brand.terms_url):
            more.append(Link(brand.terms_url, t("brand.terms")))
        told, apart = note(line, pen, *more), {"separator": True, "spacing": "medium"}
        if not safe_url(brand.logo_url, "https://"):
            return [row | apart for row in told]
        name = fit_line(brand.network, LABEL)
        logo = {"type": "Image", "url": brand.logo_url, "altText": name, "size": "small"}
        return [columns(([logo], "auto"), (told, "stretch")) | apart]


def _body(head: list[Json], blocks: Iterable[Block], pen: Pen, room: int) -> list[Json]:
    """Head and blocks in `room` bytes; what does not fit gives way to a hint at where the rest is."""
    body, left = list(head), room - _HINT - weigh(head)
    for element in elements_of(blocks, pen):
        left -= weigh(element) + _COMMA
        if left < 0:
            return [*body, *paragraph(t("brand.more"), pen)]
        body.append(element)
    return body


def _content(body: list[Json], fallback: Words, pen: Pen) -> Json:
    """Source: `fallbackText` is what a client shows that is too old for the version."""
    told = pen.line(fallback, LABEL)
    return {
        "type": "AdaptiveCard",
        "version": VERSION,
        "lang": pen.locale,
        "fallbackText": told,
        "body": body,
    }


def _fits_bar(title: Words, pen: Pen) -> bool:
    return units(pen.string(title)) <= TITLE


def _public(node: Block) -> Block | None:
    """The block without buttons that act."""
    match node:
        case Buttons(buttons=buttons):
            links = tuple(button for button in buttons if isinstance(button.press, Link))
            return Buttons(links) if links else None
        case Entry(button=Button(press=Bound())):
            return replace(node, button=None)
    return node


def _gist(card: Card, pen: Pen) -> str:
    """What the list of results says under the title: the card's facts, or its first sentence."""
    for node in card.body:
        if isinstance(node, Facts):
            return " · ".join(pen.string(value) for _, value in node.rows)
    first = next((node.text for node in card.body if isinstance(node, Paragraph)), "")
    return pen.string(first)


def _refuse_sensitive(card: Card) -> None:
    if card.sensitive:
        raise ValueError("a sensitive card is shown only as a dialog")
