"""Each block of a card as Adaptive Card elements, one small function per kind.

What people typed goes out only as text runs, which Teams never reads as Markdown; where it knows no runs
(headings, labels, titles of choices and buttons) every sign of Markdown is stilled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from adapters.teams.claims import button_data, opening_data
from adapters.teams.limits import ACTIONS, LABEL, LINE, TEXT, URL, Json, still
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
)
from bot.fitting import fit, fit_line, units
from bot.texts import Part, Run, Texts

_STYLES = {"primary": "positive", "danger": "destructive"}
_SMALL: Json = {"size": "small", "isSubtle": True}
_GAP = "\u2003"  # between two pieces of small print, in no language
_FUNCTION = "{{"  # begins {{DATE(…)}}, which Teams would work out even in a run


@dataclass(frozen=True, slots=True)
class Pen:
    """How one reader is written to; `in_dialog`: a dialog hears of its buttons only as of a sent form."""

    texts: Texts
    locale: str
    zone: str
    in_dialog: bool = False

    def parts(self, words: Words) -> tuple[Part, ...]:
        """The sentence in pieces."""
        return self.texts.parts(words, self.locale, self.zone)

    def string(self, words: Words) -> str:
        """The sentence without markup."""
        return self.texts.plain(words, self.locale, self.zone)

    def line(self, words: Words, most: int) -> str:
        """The sentence on one line, for where Teams reads Markdown."""
        return still(fit_line(self.string(words), most))


def elements_of(blocks: Iterable[Block], pen: Pen) -> Iterator[Json]:
    """The elements that show these blocks, a divider as the line above the next one.

    Raises `ValueError` for a button whose arguments do not fit.
    """
    parted = False
    for node in blocks:
        for element in _drawn(node, pen):
            yield element | {"separator": True, "spacing": "medium"} if parted else element
            parted = False
        parted = parted or isinstance(node, Divider)


def heading(words: Words, pen: Pen) -> list[Json]:
    """A card's title; nothing when it has none. A title that holds data is told in runs."""
    parts = pen.parts(words)
    if all(isinstance(part, Run) and not part.data for part in parts):
        text = pen.line(words, LABEL) if words else ""
        look = {"size": "large", "weight": "bolder", "wrap": True, "style": "heading"}
        return [{"type": "TextBlock", "text": text, **look}] if text else []
    return rich(runs(words, pen, bold=True, size="large"))


def paragraph(words: Words, pen: Pen, **look: Any) -> list[Json]:
    """One sentence; `look` is of the runs, such as `color="attention"`."""
    return rich(runs(words, pen, **look))


def note(words: Words, pen: Pen, *more: Words | Link, **place: Any) -> list[Json]:
    """Small print, `more` a gap apart; `place` is of the element, such as `spacing="small"`."""
    inlines = runs(words, pen, **_SMALL)
    for one in more:
        inlines += [_run(_GAP, **_SMALL), *runs(one, pen, **_SMALL)]
    return rich(inlines, **place)


def safe_url(url: str, *schemes: str) -> bool:
    """Whether a client may be sent to the address: of the web, nothing that ends it early, not too long."""
    plain = url.isprintable() and not set(' <>"\\') & set(url)
    known = url.startswith(schemes or ("https://", "http://"))
    return plain and known and url[-3:] != "://" and units(url) <= URL


def rows_of(buttons: Iterable[Button], pen: Pen) -> list[Json]:
    """The buttons in rows of six; none for a link that is not one of the web."""
    drawn = [drawn for button in buttons if (drawn := _button(button, pen))]
    rows = (drawn[at : at + ACTIONS] for at in range(0, len(drawn), ACTIONS))
    return [{"type": "ActionSet", "actions": row} for row in rows]


# --- one function per kind -------------------------------------------------------------------------


def _drawn(node: Block, pen: Pen) -> list[Json]:
    match node:
        case Entry():
            return _entry(node, pen)
        case Paragraph(text=words):
            return paragraph(words, pen)
        case Note(text=words):
            return note(words, pen)
        case Facts(rows=rows):
            return _facts(rows, pen)
        case Buttons(buttons=buttons):
            return rows_of(buttons, pen)
        case Divider():
            return []
        case Picture(url=url, alternative=words):
            return _picture(url, words, pen)


def _entry(entry: Entry, pen: Pen) -> list[Json]:
    inlines = runs(entry.title, pen, bold=True)
    if entry.detail:
        inlines += [_run("\n"), *runs(entry.detail, pen)]
    told = rich(inlines)
    acts = rows_of([entry.button], pen) if entry.button else []
    return [columns((told, "stretch"), (acts, "auto"))] if told and acts else told + acts


def _facts(rows: tuple[tuple[Words, Words], ...], pen: Pen) -> list[Json]:
    """Source: a FactSet reads Markdown in its values, so each row is two columns of runs."""
    drawn = []
    for label, value in rows:
        told, held = rich(runs(label, pen, bold=True)), rich(runs(value, pen))
        if told or held:
            drawn.append(columns((told, 1), (held, 2)) if told and held else (told + held)[0])
    return drawn[:1] + [row | {"spacing": "small"} for row in drawn[1:]]


def columns(*parts: tuple[list[Json], str | int]) -> Json:
    """Elements side by side, each part with its width."""
    drawn = [{"type": "Column", "width": width, "items": items} for items, width in parts]
    return {"type": "ColumnSet", "columns": drawn}


def _picture(url: str, words: Words, pen: Pen) -> list[Json]:
    """The clients fetch the image themselves, so only public https will do; otherwise its words are shown."""
    if not safe_url(url, "https://"):
        return note(words, pen)
    return [{"type": "Image", "url": url, "altText": fit_line(pen.string(words), LABEL)}]


def _button(button: Button, pen: Pen) -> Json | None:
    press, title = button.press, pen.line(button.label, LINE)
    look: Json = {"title": title}
    if button.style in _STYLES:
        look["style"] = _STYLES[button.style]
    if isinstance(press, Link):
        drawn = {"type": "Action.OpenUrl", "url": press.url}
        return drawn | look if safe_url(press.url) else None
    return _acting(press, look, pen)


def _acting(press: Bound, look: Json, pen: Pen) -> Json:
    """A press in a message is answered with a new card; older clients know only `Action.Submit`, and so do
    dialogs, and what opens one. Source: "Universal Actions for Adaptive Cards", "Use dialogs with bots"."""
    submit = {"type": "Action.Submit", **look, "data": button_data(press)}
    if pen.in_dialog:  # what stands in the fields around it is not its business
        return submit | {"associatedInputs": "none"}
    if press.opens_form:
        return submit | {"data": opening_data(press)}
    return submit | {"type": "Action.Execute", "verb": press.action, "fallback": submit}


# --- runs ------------------------------------------------------------------------------------------


def rich(inlines: list[Json], **place: Any) -> list[Json]:
    """One element of runs, cut where its room ends; nothing without runs."""
    kept: list[Json] = []
    left = TEXT
    for inline in inlines:
        used = units(inline["text"])
        if used > left:
            kept.append(inline | {"text": fit(inline["text"], max(left, 1))})
            break
        kept.append(inline)
        left -= used
    return [{"type": "RichTextBlock", "inlines": kept, **place}] if kept else []


def runs(words: Words | Link, pen: Pen, *, bold: bool = False, **look: Any) -> list[Json]:
    """The sentence, or one link, as runs."""
    parts = (words,) if isinstance(words, Link) else pen.parts(words)
    return [run for part in parts for run in _runs(part, pen, bold, look)]


def _runs(part: Part, pen: Pen, bold: bool, look: Json) -> Iterator[Json]:
    match part:
        case Run(text=text):
            yield from _pieces(text, _weighed(look, bold or part.bold))
        case Mention():  # a mention needs the name that Teams knows, and would call them: words do
            yield from _pieces(part.words, _weighed(look, bold))
        case Link(url=url, label=label):
            words = pen.string(label) or url
            leads = {"underline": True, "selectAction": {"type": "Action.OpenUrl", "url": url}}
            yield from _pieces(words, _weighed(look, bold) | (leads if safe_url(url) else {}))


def _pieces(text: str, look: Json) -> Iterator[Json]:
    """A stretch of words, parted inside every "{{": two runs are never read as one."""
    while (at := text.find(_FUNCTION)) >= 0:
        yield _run(text[: at + 1], **look)
        text = text[at + 1 :]
    if text:
        yield _run(text, **look)


def _weighed(look: Json, bold: bool) -> Json:
    return {**look, "weight": "bolder"} if bold else look


def _run(text: str, **look: Any) -> Json:
    return {"type": "TextRun", "text": text, **look}
