"""Cards and texts for the tests of everything that shows cards: one of each kind, and what people type."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from bot.brand import Brand
from bot.conversation import (
    Address,
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
    Platform,
    t,
)
from bot.texts import Texts

ROOT = Path(__file__).parents[2]
TEAM = "T0ALUMNI"
BRAND = Brand(
    network="おかえりネット <b>",
    company="株式会社 *山* & 海",
    contact_name="人事部 佐藤",
    contact_email="hr@example.jp",
    logo_url="https://okaeri.example/logo.png",
    terms_url="https://okaeri.example/terms?a=1&b=2",
)

SENTENCES = {
    "sample.title": ("**{name}**さん、おかえりなさい", "Welcome back, **{name}**"),
    "sample.notice": ("お知らせがあります", "There is news"),
    "sample.hello": (
        "{who}さんが{day}に{link}を見ました（{count}件）",
        "{who} saw {link} on {day} ({count})",
    ),
    "sample.label": ("所属", "Department"),
    "sample.open": ("見る", "Open"),
    "sample.small": ("この画面はあなただけに見えています", "Only you see this"),
    "sample.wrong": ("{day}以降の日付にしてください", "Choose a day after {day}"),
    "sample.ask": ("入力してください", "Please fill this in"),
}


def sample_texts() -> Texts:
    """The catalogue with a few sentences of the tests' own."""
    folder = ROOT / "bot" / "catalogue"
    known = Texts.load(folder)
    sentences = {
        key: {lang: known.pattern(key, lang) for lang in ("ja", "en")}
        for key in known.keys()  # noqa: SIM118 - not a mapping
        if key.startswith(("brand.", "mail.", "web.", "help.button", "common.close", "common.cancel"))
    }
    own = {key: {"ja": ja, "en": en} for key, (ja, en) in SENTENCES.items()}
    return Texts({**sentences, **own})


def bound(action: str = "find.more", **args: str | int | bool | None) -> Bound:
    """An action as a registered one would make it."""
    return Bound(action, tuple(args.items()))


NASTY = (
    "<!channel>",
    "<@U0AIKO>",
    "*太字* _x_ ~y~",
    "`code` ```block```",
    "<https://evil.example|click>",
    "https://evil.example/?a=b&c",
    "&lt;b&gt; & co",
    ":smile: @here #general",
    "> 引用\n- 項目",
    "\u202eابجد עברית",
    "👩‍👩‍👧‍👦🇯🇵👍🏽" * 30,
    "髙橋　﨑",
    "か\u3099" * 200,
    "x" * 10_000,
    "田" * 10_000,
    " ",
    "\n",
    "",
)

EVERYTHING = Card(
    title=t("sample.title", name="髙橋 <!channel> *愛子*"),
    body=(
        Paragraph(
            t(
                "sample.hello",
                who=Mention(Address(Platform.SLACK, TEAM, "U0AIKO")),
                day=date(2026, 3, 31),
                link=Link("https://okaeri.example/o/1?a=1&b=2", t("sample.open")),
                count=1234,
            )
        ),
        Paragraph("`typed` <https://evil.example|click> :smile:"),
        Facts(((t("sample.label"), "*開発* & 研究"), ("Place", t("sample.open")))),
        Divider(),
        Entry("田中 _愛子_", "開発部・課長", Button(t("sample.open"), bound(person="p1"))),
        Entry("山田 太郎", "", Button(t("sample.open"), bound(person="p2"), "primary")),
        Entry(
            t(
                "sample.hello",
                who="鈴木",
                day=date(2026, 4, 1),
                link=Link("https://okaeri.example/"),
                count=1,
            ),
            "営業部",
            Button(t("sample.open"), bound(person="p3")),
        ),
        Entry("ボタンのない行", "細目"),
        Picture("https://okaeri.example/map.png", t("sample.open")),
        Picture("http://127.0.0.1/map.png", "地図"),
        Buttons(
            (
                Button(t("sample.open"), bound(page=2), "primary"),
                Button("danger <b>", bound("profile.erase"), "danger"),
                Button(t("sample.open"), Link("https://okaeri.example/join")),
                Button("never", Link("javascript:alert(1)")),
            )
        ),
        Note(t("sample.small")),
        Note("小さな *字*"),
    ),
    notice=t("sample.notice"),
)

PREFECTURES = tuple(Option(f"p{n}", f"都道府県{n}") for n in range(47))
EVERY_FIELD = Form(
    title="とても長い題名のフォームなので二十四文字には収まりきりません",
    intro=(Paragraph(t("sample.ask")), Facts(((t("sample.label"), "*x*"),))),
    fields=(
        Field("name", "text", t("sample.label"), value="髙橋 *愛子*", limit=40, hint=t("sample.small")),
        Field("story", "long_text", "Story", required=False, limit=9000, value="長" * 4000),
        Field("mail", "email", "E-mail", value="aiko@example.jp"),
        Field("odd_mail", "email", "E-mail 2", value="not an address", required=False),
        Field("day", "date", "Day", value="2026-03-31"),
        Field("odd_day", "date", "Day 2", value="31 March", required=False),
        Field("mood", "choice", "Mood", options=(Option("a", "A"), Option("b", "B")), value="b"),
        Field("maybe", "choice", "Maybe", options=(Option("a", "A"),), required=False),
        Field("place", "choice", "Place", options=PREFECTURES, value="p12"),
        Field("skills", "choices", "Skills", options=PREFECTURES[:10], value=("p1", "p2", "zz")),
        Field("many", "choices", "Many", options=PREFECTURES, required=False),
        Field("agreed", "tick", t("sample.small"), value="yes"),
        Field("listed", "tick", "Listed", required=False),
        Field("manager", "search", "Manager", options=(Option("m7", "上長 七"),), value="m7"),
        Field("city", "search", "City", required=False),
    ),
    submit=bound("profile.save", person="p1"),
    button=t("sample.open"),
    errors={"day": t("sample.wrong", day=date(2026, 4, 1))},
)
