"""Block Kit and mrkdwn as HTML: what Slack draws as markup is drawn, everything typed stays as typed."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.playground import blocks
from adapters.playground.page_parts import environment
from adapters.playground.words import read_words
from tests.adapters.page_world import PageWorld, page_world

FOLDER = Path(blocks.__file__).parent
DRAWN = {"strong", "em", "del", "code", "pre", "q", "br", "a", "span"}
HOSTILE = [
    "<script>alert(1)</script>",
    "<!channel>",
    '"><img src=x onerror=y>',
    "*x*",
    "`a`",
    "\u202ertl",
    "😀",
]


class Tags(HTMLParser):
    """Collects the elements, the addresses and the words of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture
async def world() -> AsyncIterator[PageWorld]:
    async with page_world() as found:
        yield found


@pytest.mark.parametrize(
    ("typed", "drawn"),
    [
        ("*太字* と _斜め_ ~消~", "<strong>太字</strong> と <em>斜め</em> <del>消</del>"),
        ("a*b*c", "a*b*c"),
        ("`*x*` &lt;b&gt;", "<code>*x*</code> &lt;b&gt;"),
        ("```\n<b>\n```", "<pre>&lt;b&gt;</pre>"),
        ("&gt; 引用\n次", "<q>引用</q>次"),
        ("<@U1>さん", '<span class="mention">@名 U1</span>さん'),
        ("<!channel>", '<span class="mention loud">@channel</span>'),
        ("&lt;!channel&gt;", "&lt;!channel&gt;"),
        ("<!date^1^{date}|3月31日>", '<span class="mention">3月31日</span>'),
        (":tada: :no_such_thing:", "🎉 :no_such_thing:"),
        ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
    ],
)
def test_mrkdwn(typed: str, drawn: str) -> None:
    assert blocks.mrkdwn(typed, lambda user: f"名 {user}") == drawn


def test_a_link_opens_beside_the_page() -> None:
    drawn = blocks.mrkdwn("<https://a.example/?x=1&amp;y=%22|詳しく &lt;b&gt;>")
    assert 'href="https://a.example/?x=1&amp;y=%22"' in drawn
    assert 'rel="noopener noreferrer">詳しく &lt;b&gt;</a>' in drawn
    assert blocks.link("data:text/html,x") == "data:text/html,x"
    assert "https://a.example/x" in blocks.linked("見る: https://a.example/x。 <b>")


@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from([*HOSTILE, "<", ">", "|", "&lt;", "*", "`", "\x00", "1"])).map("".join),
    )
)
def test_no_text_becomes_an_element_of_its_own(text: str) -> None:
    for html in (blocks.mrkdwn(text), blocks.lines(text), blocks.linked(text), blocks.link(text, text)):
        found = Tags(str(html))
        assert set(found.tags) <= DRAWN
        names = {name for name, _ in found.attributes}
        assert names <= {"href", "target", "rel", "class"}
        links = [value or "" for name, value in found.attributes if name == "href"]
        assert all(blocks.safe_url(link) for link in links)


@given(st.text(alphabet=st.characters(exclude_characters="\r\x00", exclude_categories=["Cs"])))
def test_plain_words_stay_as_typed(text: str) -> None:
    assert Tags(str(blocks.lines(text)).replace("<br>", "\n")).words == text


def every_block(text: str) -> list[dict[str, Any]]:
    """One block of each kind, with the text wherever Slack allows one."""
    shown, option = (
        {"type": "plain_text", "text": text},
        {"text": {"type": "plain_text", "text": text}, "value": text},
    )
    press = {"type": "button", "action_id": "go", "text": shown, "value": text}
    runs = [
        {"type": "text", "text": text, "style": {"bold": True}},
        {"type": "user", "user_id": "U1"},
        {"type": "emoji", "name": text},
        {"type": "link", "url": "https://a.example/", "text": text},
    ]
    choose = {"placeholder": shown, "options": [option], "action_id": "c"}
    kinds = (
        "static_select",
        "radio_buttons",
        "checkboxes",
        "multi_static_select",
        "external_select",
        "datepicker",
    )
    fields = [{"type": kind, **choose} for kind in (*kinds, "plain_text_input", "email_text_input")]
    return [
        {"type": "header", "text": shown},
        {"type": "section", "block_id": text, "text": shown, "fields": [shown, shown], "accessory": press},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": runs}]},
        {"type": "context", "elements": [shown]},
        {"type": "actions", "block_id": "a", "elements": [press, {"type": "static_select", **choose}]},
        {"type": "divider"},
        {"type": "image", "image_url": "https://a.example/x.png", "alt_text": text, "title": shown},
        *(
            {"type": "input", "block_id": text, "label": shown, "hint": shown, "element": one}
            for one in fields
        ),
        {"type": "video", "title": text},
        {"type": "context", "elements": [{"type": "sticker", "text": text}]},
    ]


def drawn(text: str) -> str:
    """Every block as the page draws it, without a person or a browser."""
    template = environment().from_string(
        '{% from "_blocks.html" import kit with context %}{{ kit(all, "r") }}'
    )
    return template.render(all=every_block(text), w=read_words()["ja"], words=blocks.words_of,
                           mention=lambda user: blocks.mention(user, str), mrkdwn=blocks.mrkdwn)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_every_block_shows_hostile_words_as_typed(text: str) -> None:
    found, calm = Tags(drawn(text)), Tags(drawn("静か"))
    assert found.tags == calm.tags
    assert [name for name, _ in found.attributes] == [name for name, _ in calm.attributes]
    assert found.words.count(text) >= 14


def test_an_unknown_block_or_element_is_a_visible_box_with_its_json() -> None:
    html = drawn("<b>中身</b>")
    assert html.count('data-testid="unknown-block"') == 2
    assert "&#34;type&#34;: &#34;video&#34;" in html
    assert "&lt;b&gt;中身&lt;/b&gt;" in html
    assert "この画面がまだ知らない部品です: sticker" in html


async def test_a_real_message_shows_names_as_typed(world: PageWorld) -> None:
    runs = [{"type": "text", "text": "<!channel> <script>"}, {"type": "user", "user_id": world.aiko}]
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": runs}]}
    await world.client.chat_postMessage(channel=world.aiko, text="x", blocks=[rich])
    stage = (await world.parts())["stage"]
    assert "&lt;!channel&gt; &lt;script&gt;" in stage
    assert "@髙橋 愛子" in stage


def test_every_word_of_the_page_exists_and_is_used() -> None:
    words = read_words()
    assert words["ja"].texts.keys() == words["en"].texts.keys()
    sources = [
        path.read_text("utf-8") for path in [*FOLDER.glob("templates/*.html"), *FOLDER.glob("page*.py")]
    ]
    asked = set(
        re.findall(r"""(?:\bw|words|Oops|\["en"\])\(\s*["']([a-z_]+)["'](?:[,)]| if)""", "\n".join(sources))
    )
    built = re.compile(r"^(group|side|field|chat|(slack_|teams_)(tab|room|composer|guide))(_|$)")
    unknown = {key for key in asked if key not in words["ja"].texts}
    unused = {key for key in words["ja"].texts if key not in asked and not built.match(key)}
    assert (unknown, unused) == (set(), set())
