"""A reader of our pages: follows links, presses buttons, fills in forms. Knows HTML, nothing of the house."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import aiohttp

VOID = {"input", "base", "meta", "link", "img", "br", "hr"}


@dataclass
class Node:
    """One element of a page."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    inside: list[Node | str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """What can be read in it."""
        parts = (one if isinstance(one, str) else one.words for one in self.inside)
        return " ".join(" ".join(parts).split())

    def all(self, *tags: str) -> Iterator[Node]:
        """Every element of these kinds, in order."""
        for one in self.inside:
            if isinstance(one, Node):
                if one.tag in tags:
                    yield one
                yield from one.all(*tags)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("root")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].inside.append(node)
        if tag not in VOID:
            self._open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].inside.append(data)


def parsed(html: str) -> Node:
    """A page as a tree. Asserts that every element is closed where it should be."""
    reader = _Reader()
    reader.feed(html)
    assert len(reader._open) == 1, [node.tag for node in reader._open]
    return reader.root


@dataclass
class Browser:
    """One browser with its cookies, on one page."""

    http: aiohttp.ClientSession
    base: str
    language: str = "ja"
    url: str = ""
    status: int = 0
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def page(self) -> Node:
        """The page as a tree."""
        return parsed(self.html)

    @property
    def main(self) -> Node:
        """The page without its frame."""
        return next(self.page.all("main"))

    @property
    def words(self) -> str:
        """What one reads on the page."""
        return self.main.words

    async def open(self, url: str) -> Browser:
        """Type or click an address."""
        return await self._ask("GET", url, None)

    async def _ask(self, method: str, url: str, data: Any) -> Browser:
        at = urljoin(self.url or self.base, url)
        headers = {"Accept-Language": self.language}
        if method == "POST":
            headers["Origin"] = self.base
        async with self.http.request(method, at, data=data, headers=headers) as answer:
            self.url, self.status = str(answer.url), answer.status
            self.headers = dict(answer.headers)
            self.html = await answer.text() if "html" in answer.content_type else ""
        return self

    def ways(self) -> list[tuple[str, Node]]:
        """Every button and every link that looks like one: what it says, and the form or link."""
        found: list[tuple[str, Node]] = []
        for node in self.page.all("form", "a"):
            if node.tag == "a":
                found.append((node.words, node))
            elif "press" in node.attrs.get("class", "").split():
                found.append((next(node.all("button")).words, node))
        return found

    async def press(self, label: str, number: int = 0) -> Browser:
        """Press the button, or follow the link, that says so; `number` of several."""
        fits = [node for words, node in self.ways() if words == label]
        assert len(fits) > number, f"no {label!r} among {[words for words, _ in self.ways()]}"
        node = fits[number]
        if node.tag == "a":
            return await self.open(node.attrs["href"])
        return await self._ask("POST", node.attrs["action"], hidden(node))

    @property
    def form(self) -> Node:
        """The form to fill in."""
        return next(node for node in self.page.all("form") if "ask" in node.attrs.get("class", "").split())

    def typed(self) -> dict[str, Any]:
        """What stands in the form now, by field; boxes as lists."""
        found: dict[str, Any] = {}
        for node in self.form.all("input", "textarea"):
            name, kind = node.attrs.get("name", ""), node.attrs.get("type", "text")
            if kind == "hidden":
                continue
            if kind in ("checkbox", "radio"):
                found.setdefault(name, [])
                if "checked" in node.attrs:
                    found[name].append(node.attrs["value"])
            elif node.tag == "textarea":
                found[name] = "".join(one for one in node.inside if isinstance(one, str)).removeprefix("\n")
            else:
                found[name] = node.attrs.get("value", "")
        return found

    def errors(self) -> dict[str, str]:
        """What is wrong beside the fields, by field."""
        found = (node for node in self.page.all("p") if node.attrs.get("class") == "error")
        return {node.attrs["id"].removeprefix("e-"): node.words for node in found}

    async def submit(self, **values: Any) -> Browser:
        """Fill in the form (other fields stay) and send it."""
        return await self._ask("POST", self.form.attrs["action"], self._filled(values))

    async def seek(self, name: str, query: str) -> Browser:
        """Type into a search field and press its button."""
        return await self._ask(
            "POST", self.form.attrs["action"], [*self._filled({f"seek.{name}": query}), ("seek", name)]
        )

    def _filled(self, values: Mapping[str, Any]) -> list[tuple[str, str]]:
        filled = {**self.typed(), **values}
        data = list(hidden(self.form).items())
        for name, value in filled.items():
            data += [(name, one) for one in ([value] if isinstance(value, str) else value)]
        return data

    async def send(self, path: str, **data: str) -> Browser:
        """Send something that no page offered."""
        return await self._ask("POST", path, data)


def hidden(form: Node) -> dict[str, str]:
    """The hidden fields of a form."""
    fields = (node for node in form.all("input") if node.attrs.get("type") == "hidden")
    return {node.attrs["name"]: node.attrs["value"] for node in fields}


def links(html: str, under: str) -> list[tuple[str, str]]:
    """The links of a mail's HTML that lead to pages of ours: what they say, and where."""
    found = ((node.words, node.attrs.get("href", "")) for node in parsed(html).all("a"))
    return [(words, url) for words, url in found if urlsplit(url).path.startswith(under)]
