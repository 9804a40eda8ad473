"""Each block of a card as Block Kit, one small function per kind.

What people typed goes out only as `plain_text` or as elements of `rich_text`, which Slack never reads as
markup; mrkdwn is left to the brand line's links, whose words are ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from adapters.slack.limits import LIMITS, Json
from bot.conversation import (
    Arg,
    Block,
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
    Platform,
    Text,
    Words,
)
from bot.fitting import fit, fit_line, fit_text, units
from bot.texts import Part, Run, Texts
from bot.wire import dump_bound

_UNSAFE = re.compile(r"""[ <>|\\"]""")
_USER = re.compile(r"[UW][A-Z0-9]{1,49}")
_GAP = "\u2003"  # between label and value, in no language
_BUTTON, _VALUE = LIMITS["button.text"], LIMITS["button.value"]
_RICH, _CONTEXT = LIMITS["rich_text.weight"], LIMITS["plain_text.text"]


_Fixed = dict[tuple[str, str], str]
_Lines = dict[tuple[str, str, int], tuple[Json, int]]


@dataclass(slots=True)
class Ink:
    """The catalogue, and its sentences without data as drawn before: at most as many as it has, by length."""

    texts: Texts
    _edition: int = 0
    _fixed: _Fixed = field(default_factory=dict)
    _lines: _Lines = field(default_factory=dict)

    def drawn(self) -> tuple[_Fixed, _Lines]:
        """What was drawn of the sentences as they are now; HR may have changed them since the last card.

        A pen keeps what it was given: what it draws after a change goes where nobody looks any more.
        """
        if self._edition != self.texts.edition:
            self._edition, self._fixed, self._lines = self.texts.edition, {}, {}
        return self._fixed, self._lines


class Pen:
    """How one reader is written to; counts what one message or view has used up."""

    def __init__(self, ink: Ink, locale: str, zone: str, workspace: str) -> None:
        self.texts = ink.texts
        self._fixed, self._lines = ink.drawn()
        self.locale, self.zone, self.workspace = locale, zone, workspace
        self.buttons = 0
        self.spent = 0

    def parts(self, words: Words) -> tuple[Part, ...]:
        """The sentence in pieces."""
        return self.texts.parts(words, self.locale, self.zone)

    def string(self, words: Words) -> str:
        """The sentence without markup."""
        if isinstance(words, str):
            return words
        if words.args:
            return self.texts.plain(words, self.locale, self.zone)
        known = (words.key, self.locale)
        if known not in self._fixed:
            self._fixed[known] = self.texts.plain(words, self.locale, self.zone)
        return self._fixed[known]

    def line(self, words: Words, most: int) -> Json:
        """A `plain_text` object of one line; `:smile:` stays as typed."""
        if isinstance(words, str) or words.args:
            return self._plain_text(fit_line(self.string(words), most))
        known = (words.key, self.locale, most)
        if known not in self._lines:
            drawn = _plain_text(fit_line(self.string(words), most))
            self._lines[known] = drawn, units(drawn["text"])
        drawn, size = self._lines[known]
        self.spent += size
        return drawn

    def text(self, words: Words, most: int) -> Json:
        """A `plain_text` object that may have several lines."""
        return self._plain_text(fit_text(self.string(words), most))

    def _plain_text(self, text: str) -> Json:
        self.spent += units(text)
        return _plain_text(text)

    def next_button(self) -> int:
        """A number that makes an action id unique inside the message."""
        self.buttons += 1
        return self.buttons


def _plain_text(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": False}


def blocks_of(node: Block, pen: Pen) -> list[Json]:
    """The Slack blocks that show one block of a card. Raises `ValueError` for a button that cannot fit."""
    match node:
        case Entry():
            return _entry(node, pen)
        case Paragraph(text=words):
            return _rich(_elements(words, pen), pen)
        case Note(text=words):
            return _small(words, pen)
        case Facts(rows=rows):
            return _facts(rows, pen)
        case Buttons(buttons=buttons):
            return _actions(buttons, pen)
        case Divider():
            return [{"type": "divider"}]
        case Picture(url=url, alternative=words):
            return _picture(url, words, pen)


def header(words: Words, pen: Pen) -> list[Json]:
    """A card's title; nothing when it has none."""
    return [{"type": "header", "text": pen.line(words, LIMITS["header.text"])}] if words else []


def safe_url(url: str, *schemes: str) -> bool:
    """Whether Slack may be given the address: a known scheme, no spaces or controls, not too long."""
    allowed = schemes or ("https://", "http://", "mailto:")
    plain = url.isprintable() and not _UNSAFE.search(url)
    return plain and url.startswith(allowed) and units(url) <= LIMITS["link.url"]


def _entry(entry: Entry, pen: Pen) -> list[Json]:
    """A section has room for a button but not for rich text, so the two are chosen between."""
    button = _button(entry.button, pen) if entry.button else None
    if button is None:
        return _rich(_titled(entry, pen), pen)
    if not _only_words(entry.title):
        return [*_rich(_titled(entry, pen), pen), {"type": "actions", "elements": [button]}]
    section = {"type": "section", "text": pen.line(entry.title, LIMITS["section.text"]), "accessory": button}
    return [section, *_small(entry.detail, pen)] if entry.detail else [section]


def _titled(entry: Entry, pen: Pen) -> list[Json]:
    elements = _elements(entry.title, pen, bold=True)
    if entry.detail:
        elements += [{"type": "text", "text": "\n"}, *_elements(entry.detail, pen)]
    return elements


def _small(words: Words, pen: Pen) -> list[Json]:
    """Small print; a context block knows no safe links, so a sentence with one stays at full size."""
    if _only_words(words):
        return [{"type": "context", "elements": [pen.text(words, _CONTEXT)]}]
    return _rich(_elements(words, pen), pen)


def _only_words(words: Words | Arg) -> bool:
    """Whether the sentence holds neither mention nor link."""
    if isinstance(words, Text):
        return all(_only_words(value) for _, value in words.args)
    return not isinstance(words, (Mention, Link))


def _facts(rows: tuple[tuple[Words, Words], ...], pen: Pen) -> list[Json]:
    elements: list[Json] = []
    for label, value in rows:
        if elements:
            elements.append({"type": "text", "text": "\n"})
        elements += _elements(label, pen, bold=True)
        elements += [{"type": "text", "text": _GAP}, *_elements(value, pen)]
    return _rich(elements, pen)


def _actions(buttons: tuple[Button, ...], pen: Pen) -> list[Json]:
    drawn = [drawn for button in buttons if (drawn := _button(button, pen))]
    most = LIMITS["actions.elements"]
    rows = (drawn[at : at + most] for at in range(0, len(drawn), most))
    return [{"type": "actions", "elements": row} for row in rows]


def _button(button: Button, pen: Pen) -> Json | None:
    """A button; none for a link that Slack would refuse the whole message for."""
    drawn: Json = {"type": "button", "text": pen.line(button.label, _BUTTON)}
    press = button.press
    if isinstance(press, Link):
        if not safe_url(press.url):
            return None
        drawn |= {"url": press.url, "action_id": f"link#{pen.next_button()}"}
    else:
        drawn |= {"value": dump_bound(press), "action_id": f"{press.action}#{pen.next_button()}"}
        if units(drawn["value"]) > _VALUE:
            raise ValueError(f"the arguments of {press.action} do not fit into a button")
    if button.style != "plain":
        drawn["style"] = button.style
    return drawn


def _picture(url: str, words: Words, pen: Pen) -> list[Json]:
    """Slack fetches the image itself, so only public https will do; otherwise its words are shown."""
    if not safe_url(url, "https://"):
        return _small(words, pen)
    told = fit_line(pen.string(words), LIMITS["image.alt_text"])
    return [{"type": "image", "image_url": url, "alt_text": told}]


# --- rich text -------------------------------------------------------------------------------------


def _rich(elements: list[Json], pen: Pen) -> list[Json]:
    """One block; keeps to its room by cutting the element in which that ends."""
    kept: list[Json] = []
    left = _RICH
    for element in elements[: LIMITS["rich_text_section.elements"]]:
        used = units(element.get("text", ""))
        if used > left:
            kept.append({**element, "text": fit(element["text"], max(left, 1))})
            left = 0
            break
        kept.append(element)
        left -= used
    pen.spent += _RICH - left
    section = {"type": "rich_text_section", "elements": kept}
    return [{"type": "rich_text", "elements": [section]}] if kept else []


def _elements(words: Words, pen: Pen, bold: bool = False) -> list[Json]:
    return [drawn for part in pen.parts(words) if (drawn := _element(part, pen, bold))]


def _element(part: Part, pen: Pen, bold: bool) -> Json | None:
    match part:
        case Run(text=text):
            return _run(text, bold or part.bold)
        case Mention():
            return _mention(part, pen)
        case Link(url=url, label=label):
            words = pen.string(label) or url
            return {"type": "link", "url": url, "text": words} if safe_url(url) else _run(words, bold)


def _run(text: str, bold: bool) -> Json | None:
    if not text:
        return None
    return {"type": "text", "text": text, "style": {"bold": True}} if bold else {"type": "text", "text": text}


def _mention(mention: Mention, pen: Pen) -> Json:
    """Slack resolves a user id only inside its own workspace."""
    address = mention.address
    here = address.platform is Platform.SLACK and address.workspace == pen.workspace
    if here and _USER.fullmatch(address.user):
        return {"type": "user", "user_id": address.user}
    return {"type": "text", "text": mention.words}
