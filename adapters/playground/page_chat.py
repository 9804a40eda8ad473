"""What the page asks of a chat, whichever it is: what stands there, what is new, what one can do in it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

from aiohttp import web

from adapters.playground.backstage import Side
from adapters.playground.page_scene import Looking, Room

if TYPE_CHECKING:
    from adapters.playground.page_parts import Page

Show = Callable[["Page", web.Request], Awaitable[web.StreamResponse]]
Act = Callable[["Page", Looking, web.Request], Awaitable[Mapping[str, Any] | None]]


class Chat(Protocol):
    """One chat product with its two sides, as people see it."""

    @property
    def kind(self) -> Literal["slack", "teams"]:
        """Which one it is; begins names of words and templates."""

    @property
    def doors(self) -> Mapping[tuple[str, str], Show]:
        """By method and path: pages where an account on the alumni side is made."""

    def led(self, words: str, page: Page, mail: int, ampersand: str = "&") -> str:
        """The words of a mail with the links to such pages leading there, so that they know who came."""

    @property
    def version(self) -> int:
        """Grows whenever anything that people can see has changed."""

    @property
    def acts(self) -> Mapping[str, Act]:
        """What one can do there, by the last part of the address that is posted to."""

    def marks(self, side: Side, user: str) -> Sequence[str]:
        """What the bot said to somebody, as marks that sort by time."""

    def last(self, side: Side, user: str) -> str:
        """The mark of the newest thing that stands there, of whomever; empty for nothing."""

    def rooms(self, looking: Looking) -> list[Room]:
        """The screens of the open side for who looks; never empty."""

    def place(self, looking: Looking) -> Mapping[str, Any]:
        """What is around the conversation: name, bot, commands, whether the person may be there."""

    def stage(self, page: Page, looking: Looking) -> str:
        """The open screen as HTML."""

    def dialog(self, page: Page, looking: Looking) -> str:
        """The open dialog as HTML, or nothing."""

    def names(self, looking: Looking) -> Mapping[str, str]:
        """The names behind the accounts of the open side."""
