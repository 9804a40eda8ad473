"""Forms: every kind of question, all mistakes at once, and nothing typed that could harm later."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.conversation import t
from bot.errors import InvalidForm
from bot.fields import choice, choices, clean, day, email, questions, read, search, specs, text, tick


@dataclass(frozen=True)
class Everything:
    """One question of each kind."""

    name: str = text(limit=10)
    why: str = text(long=True)
    mail: str = email()
    on: date | None = day()  # noqa: RUF009
    way: str = choice("chat", "mail", default="chat")
    shown: tuple[str, ...] = choices("kana", "place")
    sure: bool = tick(required=True)
    who: str = search()


@dataclass(frozen=True)
class Optional:
    """The same, none of it needed."""

    name: str = text(required=False)
    mail: str = email(required=False)
    on: date | None = day(required=False)  # noqa: RUF009
    way: str = choice("chat", "mail", required=False)
    sure: bool = tick()
    who: str = search(required=False)


GOOD: dict[str, Any] = {
    "name": "田中 愛子",
    "why": "一行目\n二行目",
    "mail": "aiko@example.jp",
    "on": "2026-03-31",
    "way": "mail",
    "shown": ("kana",),
    "sure": ("yes",),
    "who": "p_1",
}


def errors(schema: type, values: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(InvalidForm) as wrong:
        read(schema, values)
    return {name: told.key for name, told in wrong.value.errors.items()}


def test_a_filled_form_comes_back_typed() -> None:
    assert read(Everything, GOOD) == Everything(
        "田中 愛子", "一行目\n二行目", "aiko@example.jp", date(2026, 3, 31), "mail", ("kana",), True, "p_1"
    )


def test_every_mistake_is_told_at_once() -> None:
    bad = {
        "name": "a" * 11,
        "why": "b" * 1001,
        "mail": "nobody",
        "on": "31.3.2026",
        "way": "pigeon",
        "shown": ("x",),
        "sure": (),
        "who": " ",
    }
    assert errors(Everything, bad) == {
        "name": "common.field_too_long",
        "why": "common.field_too_long",
        "mail": "common.field_email",
        "on": "common.field_date",
        "way": "common.field_choice",
        "sure": "common.field_tick",
        "who": "common.field_required",
    }


def test_nothing_filled_in_is_wrong_where_it_is_needed_only() -> None:
    wanted = {"name", "why", "mail", "on", "way", "who"}
    found = errors(Everything, {})
    assert {name for name, key in found.items() if key == "common.field_required"} == wanted
    assert found.keys() == wanted | {"sure"}
    assert read(Optional, {}) == Optional("", "", None, "", False, "")
    assert read(Optional, dict.fromkeys(specs(Optional))) == Optional("", "", None, "", False, "")
    assert read(Optional, dict.fromkeys(specs(Optional), ())) == Optional("", "", None, "", False, "")


def test_too_long_says_how_long() -> None:
    with pytest.raises(InvalidForm) as wrong:
        read(Everything, GOOD | {"name": "あ" * 12})
    assert wrong.value.errors["name"] == t("common.field_too_long", limit=10, length=12)


def test_values_nobody_offered_are_not_taken() -> None:
    form = read(Everything, GOOD | {"shown": ("place", "secret", "kana"), "extra": "x"})
    assert form.shown == ("place", "kana")
    assert read(Everything, GOOD | {"shown": "kana"}).shown == ()
    assert read(Everything, GOOD | {"sure": "yes"}).sure is True
    assert errors(Everything, GOOD | {"sure": ("no",)}) == {"sure": "common.field_tick"}
    assert errors(Everything, GOOD | {"name": ("a", "b")}) == {"name": "common.field_required"}


@pytest.mark.parametrize(
    "good",
    [
        "a@b.jp",
        "aiko.tanaka+okaeri@mail.example.co.jp",
        "a..b.@docomo.example.jp",
        "o'brien@example.ie",
        "x@xn--r8jz45g.jp",
        "ａｉｋｏ＠ｅｘａｍｐｌｅ．ｊｐ",
        " a@b.jp ",
    ],
)
def test_addresses(good: str) -> None:
    assert read(Everything, GOOD | {"mail": good}).mail == unicodedata.normalize("NFKC", good).strip()


@pytest.mark.parametrize(
    "bad",
    [
        "a",
        "@b.jp",
        "a@",
        "a@b",
        "a@b..jp",
        "a@-b.jp",
        "a@b-.jp",
        "a@.b.jp",
        "a@b.jp.",
        "a b@c.jp",
        "a@b c.jp",
        "a@b@c.jp",
        "a@b.jp\nBcc: x@y.jp",
        "a,b@c.jp",
        "<a@b.jp>",
        "a@b.j",
        "a@[127.0.0.1]",
        "a@b.jp>",
        'a"b@c.jp',
        "mailto:a@b.jp",
        "a" * 65 + "@b.jp",
        "a@" + "b" * 64 + ".jp",
        "a@" + "b." * 120 + "x" * 30,
        "あ@い.う",
    ],
)
def test_what_is_no_address(bad: str) -> None:
    assert errors(Everything, GOOD | {"mail": bad}).keys() == {"mail"}


@pytest.mark.parametrize(
    "bad", ["0001-01-01", "9999-12-31", "1899-12-31", "2026-02-30", "2026-3-1", "明日", "20260331x"]
)
def test_days_that_are_none_or_a_slip(bad: str) -> None:
    assert errors(Everything, GOOD | {"on": bad}) == {"on": "common.field_date"}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" 田中\u3000", "田中"),
        ("a\x00b\x07\x1b[31mc", "ab[31mc"),
        ("\u202eevil\u202c", "evil"),
        ("\u2066x\u2069", "x"),
        ("e\u0301", "é"),
        ("e\x00\u0301", "é"),
        ("a\tb", "a b"),
        ("a\r\nb", "a\nb"),
        ("\ud800", ""),
        ("\ue000", ""),
        ("👩‍💻", "👩‍💻"),
        ("<!channel> *x* `y`", "<!channel> *x* `y`"),
        ("﷽", "﷽"),
    ],
)
def test_what_is_kept_of_what_was_typed(typed: str, kept: str) -> None:
    assert clean(typed) == kept


@given(st.text())
def test_cleaning_is_done_after_one_time_and_leaves_no_control(typed: str) -> None:
    once = clean(typed)
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not [c for c in once if unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn") and c != "\n"]
    assert not set(once) & {chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}
    once.encode()


@given(
    st.dictionaries(
        st.sampled_from([f.name for f in fields(Everything)]),
        st.one_of(st.none(), st.text(max_size=30), st.lists(st.text(max_size=8)).map(tuple)),
    )
)
def test_whatever_arrives_is_read_or_refused(values: dict[str, Any]) -> None:
    try:
        form = read(Everything, values)
    except InvalidForm:
        return
    assert "\n" not in form.name + form.mail + form.who


def test_one_line_stays_one_line() -> None:
    assert read(Everything, GOOD | {"name": "田中\n愛子"}).name == "田中 愛子"
    assert read(Everything, GOOD | {"why": "a\nb"}).why == "a\nb"


def test_questions_are_shown_filled_in() -> None:
    blank = read(Everything, GOOD)
    shown = questions(Everything, "x.form", blank, lambda key: key == "x.form.mail_hint")
    assert [q.kind for q in shown] == [
        "text",
        "long_text",
        "email",
        "date",
        "choice",
        "choices",
        "tick",
        "search",
    ]
    assert [q.value for q in shown] == [
        "田中 愛子",
        "一行目\n二行目",
        "aiko@example.jp",
        "2026-03-31",
        "mail",
        ("kana",),
        ("yes",),
        "p_1",
    ]
    by_name = {q.name: q for q in shown}
    assert by_name["mail"].hint == t("x.form.mail_hint")
    assert by_name["name"].hint == ""
    assert by_name["name"].label == t("x.form.name")
    assert by_name["way"].label == t("x.form.way.label")
    assert [(o.value, o.label) for o in by_name["way"].options] == [
        ("chat", t("x.form.way.chat")),
        ("mail", t("x.form.way.mail")),
    ]
    assert [o.value for o in by_name["sure"].options] == ["yes"]
    empty = questions(Optional, "x", Optional(), lambda _: False)
    assert [q.value for q in empty] == ["", "", "", "", (), ""]
    assert not any(q.required for q in empty)


@dataclass(frozen=True)
class Open:
    """Choices that only the opened form names."""

    who: tuple[str, ...] = choices()


def test_choices_without_values_take_what_comes_for_the_handler_to_check() -> None:
    assert read(Open, {"who": ("a", "b")}) == Open(("a", "b"))
    assert read(Open, {"who": "a"}) == Open()
    (shown,) = questions(Open, "demo.open", Open(("a",)), lambda key: False)
    assert (shown.label, shown.options, shown.value) == (t("demo.open.who"), (), ("a",))
