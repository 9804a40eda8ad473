"""Slack's texts as safe HTML: mrkdwn, plain_text and the elements of rich_text.

Everything that came over the wire is data: it is escaped first, and only what Slack would draw as markup
becomes a tag.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from markupsafe import Markup, escape

NameOf = Callable[[str], str]

# What a chat client draws for the short codes a bot is likely to send; an unknown code stays as typed.
EMOJI: Mapping[str, str] = {
    "wave": "👋", "tada": "🎉", "white_check_mark": "✅", "warning": "⚠️", "bulb": "💡", "house": "🏠",
    "email": "✉️", "calendar": "📅", "date": "📅", "bust_in_silhouette": "👤",
    "busts_in_silhouette": "👥", "mag": "🔍", "seedling": "🌱", "cherry_blossom": "🌸",
    "handshake": "🤝", "bow": "🙇", "lock": "🔒", "key": "🔑", "hourglass": "⌛", "bell": "🔔",
    "no_bell": "🔕", "heart": "❤️", "smile": "😄", "slightly_smiling_face": "🙂", "pray": "🙏",
    "thumbsup": "👍", "+1": "👍", "sparkles": "✨", "memo": "📝", "briefcase": "💼", "office": "🏢",
    "round_pushpin": "📍", "x": "❌", "inbox_tray": "📥",
}  # fmt: skip

_HELD = re.compile(r"```(?P<pre>.+?)```|`(?P<code>[^`\n]+)`|<(?P<angle>[^<>\n]+)>", re.DOTALL)
_STYLES = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])"), r"<del>\1</del>"),
)
_CODE = re.compile(r":([a-z0-9_+-]{1,40}):")
_HOLE = re.compile("\x00(\\d+)\x00")
_ADDRESS = re.compile(r"(https?://[^\s<>\"'、。」』）)]+)")
_SHOUTS = ("here", "channel", "everyone")


def safe_url(url: object) -> str | None:
    """The address if a browser may follow it (http, https, mailto), else nothing."""
    try:
        scheme = urlsplit(str(url)).scheme.lower()
    except ValueError:
        return None
    return str(url) if scheme in ("http", "https", "mailto") else None


def link(url: object, label: str = "") -> Markup:
    """A link that opens beside the page; an address that must not be followed is shown as plain words."""
    safe = safe_url(url)
    if safe is None:
        return escape(label or str(url))
    shown = label or safe
    return Markup('<a href="{}" target="_blank" rel="noopener noreferrer">{}</a>').format(safe, shown)


def emoji(name: object, unicode: object = None) -> str:
    """The character of an emoji: from its code points ("1f44b-1f3fb") or its short code, else `:code:`."""
    try:
        if unicode:
            return "".join(chr(int(point, 16)) for point in str(unicode).split("-"))
    except (ValueError, OverflowError):
        pass
    return EMOJI.get(str(name), f":{name}:")


def mention(user: object, name_of: NameOf) -> Markup:
    """An account by name."""
    return Markup('<span class="mention">@{}</span>').format(name_of(str(user)))


def _angle(inside: str, name_of: NameOf) -> Markup:
    """What stands between `<` and `>` in mrkdwn: an account, a channel, a call to all, a date or a link."""
    target, _, label = inside.partition("|")
    label = html.unescape(label)
    if target.startswith("@"):
        return mention(target[1:], name_of)
    if target.startswith("#"):
        return Markup('<span class="mention">#{}</span>').format(label or target[1:])
    if target.startswith("!"):
        word = target[1:].split("^")[0]
        looks = "mention loud" if word in _SHOUTS else "mention"
        return Markup('<span class="{}">{}</span>').format(looks, label or f"@{word}")
    if safe_url(html.unescape(target)) is None:
        return escape(html.unescape(f"<{inside}>"))
    return link(html.unescape(target), label)


def _styled(text: str) -> str:
    """Bold, italic, struck, emoji and quotes of text that is already escaped."""
    for pattern, tag in _STYLES:
        text = pattern.sub(tag, text)
    text = _CODE.sub(lambda found: EMOJI.get(found[1], found[0]), text)
    lines = text.split("\n")
    quoted = [f"<q>{line[4:].lstrip()}</q>" if line.startswith("&gt;") else line for line in lines]
    return "<br>".join(quoted).replace("</q><br>", "</q>")


def mrkdwn(text: object, name_of: NameOf = str) -> Markup:
    """Slack's mrkdwn as HTML."""
    held: list[Markup] = []

    def hold(found: re.Match[str]) -> str:
        if found["pre"] is not None:
            held.append(Markup("<pre>{}</pre>").format(html.unescape(found["pre"].strip("\n"))))
        elif found["code"] is not None:
            held.append(Markup("<code>{}</code>").format(html.unescape(found["code"])))
        else:
            held.append(_angle(found["angle"], name_of))
        return f"\x00{len(held) - 1}\x00"

    holed = _HELD.sub(hold, str(text or "").replace("\x00", ""))
    styled = _styled(str(escape(html.unescape(holed))))
    drawn = _HOLE.sub(lambda found: str(held[int(found[1])]), styled)
    return Markup(drawn)  # noqa: S704 - `styled` was escaped and every piece held is Markup already


def words_of(text: object, name_of: NameOf = str) -> Markup:
    """A text object: `{"type": "mrkdwn" | "plain_text", "text": …}`; plain text knows emoji codes only."""
    if not isinstance(text, Mapping):
        return escape(str(text or ""))
    if text.get("type") == "mrkdwn":
        return mrkdwn(text.get("text"), name_of)
    plain = str(text.get("text") or "")
    return lines(_CODE.sub(lambda found: EMOJI.get(found[1], found[0]), plain))


def lines(text: object) -> Markup:
    """Plain words with their line breaks."""
    return Markup("<br>").join(str(text or "").split("\n"))


def linked(text: str) -> Markup:
    """Plain words, such as a mail's, in which web addresses can be followed."""
    pieces = _ADDRESS.split(text)
    drawn = [link(piece) if index % 2 else escape(piece) for index, piece in enumerate(pieces)]
    return Markup("").join(drawn)


def plain(text: object) -> str:
    """The bare words of a text object, for attributes and options."""
    return str(text.get("text") or "") if isinstance(text, Mapping) else str(text or "")


def first_values(element: Mapping[str, Any]) -> tuple[str, ...]:
    """What an input element starts with, as values: text, date, or the values of its initial options."""
    kinds = ("initial_value", "initial_date", "initial_time")
    for kind in kinds:
        if element.get(kind):
            return (str(element[kind]),)
    options = element.get("initial_options") or [element.get("initial_option")]
    return tuple(str(option.get("value", "")) for option in options if isinstance(option, Mapping))


def first_label(element: Mapping[str, Any]) -> str:
    """The words of the option that a search field starts with."""
    option = element.get("initial_option")
    return plain(option.get("text")) if isinstance(option, Mapping) else ""
