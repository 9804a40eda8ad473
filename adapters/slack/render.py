"""Cards, forms and suggestions in Slack's own words: messages, modals and the home."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from adapters.slack.blocks import Ink, Pen, blocks_of, header, safe_url
from adapters.slack.forms import option, questions
from adapters.slack.limits import BLOCK_WEIGHT, LIMITS, Json, weigh
from bot.brand import Brand
from bot.conversation import Block, Card, Form, Option, Paragraph, Text, Words, t
from bot.fitting import fit_line, fit_text, units
from bot.texts import Texts
from bot.wire import dump_bound

ZONE = "Asia/Tokyo"


class _Room(NamedTuple):
    """How much one message or view may hold."""

    blocks: int
    weight: int = sys.maxsize


_MESSAGE = _Room(LIMITS["message.blocks"], LIMITS["message.weight"])
_HINT_WEIGHT = BLOCK_WEIGHT + 200  # kept free for "there is more"


class Renderer:
    """Makes Block Kit of cards and forms. What it returns may share parts between calls: send it, never edit.

    Everywhere: `zone` is the reader's IANA time zone; `workspace` is the reader's Slack team id, without
    which mentions are plain words. `ValueError` is a mistake of ours: a button whose arguments do not fit,
    a field without choices.
    """

    def __init__(self, texts: Texts, brand: Brand) -> None:
        self._texts, self._ink, self._brand = texts, Ink(texts), brand
        self._lines: dict[str, tuple[int, Json, int]] = {}

    def message(self, card: Card, locale: str, zone: str = ZONE, workspace: str = "") -> Json:
        """`{"text", "blocks"}` of a message. Raises `ValueError` for a sensitive card: messages are kept."""
        _refuse_sensitive(card)
        pen = Pen(self._ink, locale, zone, workspace)
        blocks = self._framed(header(card.title, pen), card.body, pen, _MESSAGE)
        return {"text": _notice(pen.string(card.notice or card.title)), "blocks": blocks}

    def home(self, card: Card, locale: str, zone: str = ZONE, workspace: str = "") -> Json:
        """The view of the Home tab. Raises `ValueError` for a sensitive card: Slack keeps the view."""
        _refuse_sensitive(card)
        pen = Pen(self._ink, locale, zone, workspace)
        blocks = self._framed(header(card.title, pen), card.body, pen, _Room(LIMITS["home.blocks"]))
        return {"type": "home", "blocks": blocks}

    def modal(self, card: Card, locale: str, zone: str = ZONE, workspace: str = "") -> Json:
        """A card as a dialog that can only be closed; the one way to show a sensitive card."""
        pen = Pen(self._ink, locale, zone, workspace)
        view, head = _dialog(card.title, pen)
        view["close"] = pen.line(t("common.close"), LIMITS["modal.close"])
        view["blocks"] = self._framed(head, card.body, pen, _Room(LIMITS["modal.blocks"]))
        return view

    def form(self, form: Form, locale: str, zone: str = ZONE, workspace: str = "") -> Json:
        """A dialog to fill in. Its submission comes back with `callback_id` = the action's name,
        `private_metadata` = the bound action (`wire.load_bound`), block ids and action ids = field names.
        """
        pen = Pen(self._ink, locale, zone, workspace)
        view, head = _dialog(form.title, pen)
        inputs = questions(form, pen)
        room = _Room(LIMITS["modal.blocks"] - len(inputs))
        *intro, brand = self._framed(head, form.intro, pen, room)
        return view | {
            "callback_id": form.submit.action,
            "private_metadata": _metadata(form),
            "submit": pen.line(form.button or t("brand.send"), LIMITS["modal.submit"]),
            "close": pen.line(t("common.cancel"), LIMITS["modal.close"]),
            "blocks": [*intro, *inputs, brand],
        }

    def errors(self, form_errors: Mapping[str, Text], locale: str, zone: str = ZONE) -> Json:
        """The answer to a submission that keeps the dialog open: each error beside its field."""
        pen = Pen(self._ink, locale, zone, "")
        most = LIMITS["input.error"]
        told = {name: fit_text(pen.string(text), most) for name, text in form_errors.items()}
        return {"response_action": "errors", "errors": told}

    def options(self, options: Sequence[Option], locale: str) -> Json:
        """The answer to somebody typing in a search field: the first 100 suggestions."""
        pen = Pen(self._ink, locale, ZONE, "")
        return {"options": [option(choice, pen) for choice in options[: LIMITS["suggestions.options"]]]}

    def _framed(self, head: list[Json], body: Iterable[Block], pen: Pen, room: _Room) -> list[Json]:
        """Head, body and brand line; what does not fit gives way to a hint at where the rest is."""
        brand, weight = self._brand_line(pen.locale)
        blocks, left = list(head), room.weight - weight - _HINT_WEIGHT
        for node in body:
            drawn = blocks_of(node, pen)
            count = len(blocks) + len(drawn)
            if count > room.blocks - 2 or pen.spent + BLOCK_WEIGHT * count > left:
                blocks += blocks_of(Paragraph(t("brand.more")), pen)
                break
            blocks += drawn
        return [*blocks, brand]

    def _brand_line(self, locale: str) -> tuple[Json, int]:
        """Who runs this, in small print, and what it weighs; drawn anew when HR has changed something."""
        edition = self._texts.edition
        known, line, weight = self._lines.get(locale, (-1, {}, 0))
        if known != edition:
            line = _brand_line(self._brand, Pen(self._ink, locale, ZONE, ""))
            weight = weigh([line])
            self._lines[locale] = edition, line, weight
        return line, weight


def _brand_line(brand: Brand, pen: Pen) -> Json:
    """The names are data and therefore plain; the links are mrkdwn, but all their words are ours."""
    words = t("brand.line", network=brand.network, company=brand.company, contact=brand.contact_name)
    elements: list[Json] = []
    if safe_url(brand.logo_url, "https://"):
        name = fit_line(brand.network, 100)
        elements.append({"type": "image", "image_url": brand.logo_url, "alt_text": name})
    elements.append(pen.line(words, 300))
    mail = f"mailto:{brand.contact_email}" if brand.contact_email else ""
    for url, key in ((mail, "brand.write"), (brand.terms_url, "brand.terms")):
        if safe_url(url):
            elements.append({"type": "mrkdwn", "text": f"<{_escaped(url)}|{pen.string(t(key))}>"})
    return {"type": "context", "elements": elements}


def _dialog(title: Words, pen: Pen) -> tuple[Json, list[Json]]:
    """The frame of a modal; a title too long for its bar is repeated in full below it."""
    bar = pen.line(title, LIMITS["modal.title"])
    whole = units(pen.string(title)) <= LIMITS["modal.title"]
    return {"type": "modal", "title": bar}, [] if whole else header(title, pen)


def _metadata(form: Form) -> str:
    metadata = dump_bound(form.submit)
    if units(metadata) > LIMITS["modal.private_metadata"]:
        raise ValueError(f"the arguments of {form.submit.action} do not fit into a dialog")
    return metadata


def _refuse_sensitive(card: Card) -> None:
    if card.sensitive:
        raise ValueError("a sensitive card is shown only as a dialog")


def _notice(text: str) -> str:
    return _escaped(fit_text(text, LIMITS["message.text"] // 5))  # "&amp;" is five times as long as "&"


def _escaped(text: str) -> str:
    """For the strings that Slack reads as mrkdwn: `<!channel>` must stay what somebody typed."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
