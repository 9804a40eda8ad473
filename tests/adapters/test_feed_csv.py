"""Files as HR really writes them: what is read, what is refused, and that no cell leaks into an error."""

import tracemalloc
from collections.abc import Mapping
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.hris.csv_file import CsvFile
from bot.conversation import t
from bot.errors import FeedError, FeedRejected
from bot.ports import LeaverNotice, LeavingType
from bot.texts import Texts

ROOT = Path(__file__).parents[2]
FEED = CsvFile()
TEXTS = Texts.load(ROOT / "bot" / "catalogue")
GOOD = {"社員番号": "1001", "氏名": "髙橋 愛子", "退職日": "2027-03-31"}
CP932 = st.characters(
    codec="cp932",
    exclude_categories=["Cc", "Cf", "Co"],
    exclude_characters="¢£¬‖−〜",  # do not come back
)
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
INVISIBLE = "\u202e\u200b\ufeff\u2066"


def written(*rows: Mapping[str, str], delimiter: str = ",") -> bytes:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, *([row.get(column, "") for column in columns] for row in rows)]
    quoted = (delimiter.join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines)
    return "\r\n".join(quoted).encode()


class Whole(NamedTuple):
    """A reading that came to its end."""

    notices: tuple[LeaverNotice, ...]
    errors: tuple[FeedError, ...]
    rows: int


def taken(data: bytes) -> Whole:
    reading = FEED.read(data, "leavers.csv")
    return Whole(tuple(reading.notices), tuple(reading.errors), reading.rows)


def read(*rows: Mapping[str, str]) -> Whole:
    return taken(written(*rows))


def one(**cells: str) -> LeaverNotice:
    reading = read(GOOD | cells)
    assert not reading.errors
    return reading.notices[0]


def faults(reading: Whole) -> list[tuple[int, str, str]]:
    return [(error.row, error.column, error.rule) for error in reading.errors]


def rules(**cells: str) -> list[tuple[str, str]]:
    return [(column, rule) for _, column, rule in faults(read(GOOD | cells))]


def rejected(data: bytes, name: str = "leavers.csv", feed: CsvFile = FEED) -> str:
    with pytest.raises(FeedRejected) as caught:
        feed.read(data, name)
    assert all(TEXTS.plain(caught.value.text, locale) for locale in ("ja", "en"))
    return caught.value.text.key


# --- what is read ----------------------------------------------------------------------------------


def test_a_full_row() -> None:
    notice = one(
        フリガナ="ﾀｶﾊｼ ｱｲｺ", 旧姓="齋藤", 会社メール="aiko@example.co.jp",
        個人メール="ａｉｋｏ@example.jp", 会社="子会社",
        最終出社日="令和9年3月12日", 部署="営業部", 役職="主任",
        入社日="H28.4.1", 上長="佐藤 健一", 勤務地="東京",
        退職区分="契約期間満了", 状態="撤回", 登録可否="否", 言語="日本語", 備考="読まれない",
    )  # fmt: skip
    assert notice == LeaverNotice(
        source="csv", event_id=notice.event_id, entity="子会社", employee_number="1001", name="髙橋 愛子",
        last_day=date(2027, 3, 31), kana="タカハシ アイコ",
        former_name="齋藤", company_email="aiko@example.co.jp",
        personal_email="aiko@example.jp", last_working_day=date(2027, 3, 12),
        department="営業部", title="主任",
        hired_on=date(2016, 4, 1), manager="佐藤 健一", place="東京", leaving_type=LeavingType.CONTRACT_END,
        withdrawn=True, may_enrol=False, locale="ja",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-31", "2026/3/31", "2026/03/31", "2026.3.31",
        "2026年3月31日", "令和8年3月31日", "R8.3.31", "r8/3/31",
        "令和８年３月３１日", "㋿8年3月31日", "20260331",
        "２０２６０３３１", "2026-03-31 00:00:00", "2026/3/31 0:00",
        "2026-03-31T00:00:00Z", "2026年3月31日(火)", " 2026年 3月 31日 ",
    ],
)  # fmt: skip
def test_one_day_in_many_hands(text: str) -> None:
    assert one(退職日=text).last_day == date(2026, 3, 31)


@pytest.mark.parametrize(
    ("text", "day"), [("令和元年5月1日", date(2019, 5, 1)), ("S63.12.31", date(1988, 12, 31))]
)
def test_eras(text: str, day: date) -> None:
    assert one(入社日=text).hired_on == day


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("3/31/2026", "bad_date"), ("26/3/31", "bad_date"),
        ("2026-02-30", "bad_date"), ("2026-3/31", "bad_date"),
        ("3月末", "bad_date"), ("平成38年3月31日", "bad_date"),
        ("令和元年4月30日", "bad_date"), ("令和0年5月1日", "bad_date"),
        ("46112", "serial_date"), ("46112.0", "serial_date"),
        ("9999-12-31", "far_date"), ("1900-01-01", "far_date"),
        ("2026-03-31 17:00", "bad_date"), ("", "no_last_day"), ("９" * 300, "too_long"),
    ],
)  # fmt: skip
def test_days_that_are_not_guessed(text: str, rule: str) -> None:
    assert rules(退職日=text) == [("退職日", rule)]


def test_a_name_in_two_columns_keeps_their_order() -> None:
    japanese = {
        "社員番号": "1",
        "姓": "髙橋",
        "名": "愛子",
        "セイ": "タカハシ",
        "メイ": "アイコ",
        "退職日": "R9.3.31",
    }
    english = {"Employee ID": "1", "First Name": "John", "Last Name": "Smith", "Last day": "2027-03-31"}
    assert (read(japanese).notices[0].name, read(japanese).notices[0].kana) == (
        "髙橋 愛子",
        "タカハシ アイコ",
    )
    assert read(english).notices[0].name == "John Smith"
    assert faults(read(japanese | {"姓": "", "名": " "})) == [(2, "姓", "no_name")]


@pytest.mark.parametrize(
    "name", ["<!channel>", "*太字* `x`", "🍣", "李", "ا" * 10, "あ" * 40, "𠮷田 か\u3099", "O'Brien, Jr."]
)
def test_names_are_kept_as_typed(name: str) -> None:
    assert one(氏名=name).name == name.replace("か\u3099", "が")


def test_what_turns_or_hides_letters_is_taken_out() -> None:
    assert one(氏名=f"{INVISIBLE}髙橋\u3000愛\u202e子\u202c ").name == "髙橋 愛子"
    assert rules(氏名=INVISIBLE) == [("氏名", "no_name")]


def test_headers_and_words_in_any_dress() -> None:
    row = {
        "（社員　番号）": '="00123"',
        "ＮＡＭＥ": "A",
        " Last_Day ": "2027-03-31",
        "状 態": "撤 回",
        "登録可否": "◯",
    }
    notice = read(row).notices[0]
    assert (notice.employee_number, notice.withdrawn, notice.may_enrol) == ("00123", True, True)


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_delimiters_and_titles_above_the_header(delimiter: str) -> None:
    data = '退職予定者一覧 "2027\n\n'.encode() + written(GOOD, GOOD | {"退職日": "?"}, delimiter=delimiter)
    assert [notice.name for notice in taken(data).notices] == ["髙橋 愛子"]
    assert faults(taken(data)) == [(5, "退職日", "bad_date")]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_endings_and_cells_with_line_breaks(ending: str) -> None:
    text = ending.join(
        ["社員番号,氏名,部署,退職日", '1,A,"x', '""y"",z",2027-03-31', "2,B,,2027-03-31", "", ""]
    )
    reading = taken(text.encode())
    assert [(n.name, n.department) for n in reading.notices] == [("A", 'x "y",z'), ("B", "")]
    assert reading.rows == 2


def test_unknown_leaving_types_wait_for_a_human() -> None:
    assert one(退職区分="宇宙飛行士になるため").leaving_type is LeavingType.UNKNOWN
    assert one(退職区分="").leaving_type is LeavingType.UNKNOWN
    assert one(退職区分="死亡退職").leaving_type is LeavingType.DEATH


@given(st.text(CP932, max_size=30))
def test_utf8_and_cp932_say_the_same(text: str) -> None:
    data = written(GOOD | {"部署": text, "役職": text}).decode()
    readings = [taken(data.encode(encoding)) for encoding in ("utf-8", "utf-8-sig", "cp932")]
    assert readings[0].notices == readings[1].notices == readings[2].notices
    assert len(readings[0].notices) == 1


# --- what is wrong with a row ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({"社員番号": " "}, [("社員番号", "no_employee_number")]),
        ({"社員番号": "1.23E+05"}, [("社員番号", "spoilt_number")]),
        ({"社員番号": "1" * 41}, [("社員番号", "too_long")]),
        ({"氏名": ""}, [("氏名", "no_name")]),
        ({"氏名": "あ" * 81}, [("氏名", "too_long")]),
        ({"氏名": "愛\x07子"}, [("氏名", "control_character")]),
        ({"氏名": "愛\ue000子"}, [("氏名", "private_character")]),
        ({"最終出社日": "2027-04-01"}, [("最終出社日", "works_after_last_day")]),
        ({"入社日": "2027-03-31"}, [("入社日", "hired_after_last_day")]),
        ({"会社メール": "aiko"}, [("会社メール", "bad_email")]),
        ({"個人メール": "a@b@example.jp"}, [("個人メール", "bad_email")]),
        ({"個人メール": "a@example.jp b@example.jp"}, [("個人メール", "bad_email")]),
        ({"個人メール": "a@" + "a" * 100_000}, [("個人メール", "too_long")]),
        ({"状態": "検討中"}, [("状態", "unknown_state")]),
        ({"登録可否": "たぶん"}, [("登録可否", "unknown_may_enrol")]),
        ({"退職日": "?", "個人メール": "?"}, [("退職日", "bad_date"), ("個人メール", "bad_email")]),
    ],
)
def test_rules(cells: dict[str, str], found: list[tuple[str, str]]) -> None:
    assert rules(**cells) == found


@pytest.mark.parametrize(
    "email", ["a..b.@docomo.example.jp", "x+y@sub.example.co.jp", "aiko@例え.example.jp", ""]
)
def test_addresses_that_exist(email: str) -> None:
    assert one(個人メール=email).personal_email == email


def test_broken_bytes_cost_one_row() -> None:
    rows = [GOOD | {"社員番号": str(n), "部署": "営業部"} for n in range(5)]
    for encoding, bad in (("utf-8", b"\xe4"), ("cp932", b"\x81\xff")):
        data = written(*rows).decode().encode(encoding).replace(b'"2","', b'"2","' + bad, 1)
        reading = taken(data)
        assert [notice.employee_number for notice in reading.notices] == ["0", "1", "3", "4"]
        assert faults(reading) == [(4, "氏名", "broken_character")]


@pytest.mark.parametrize(
    "bad", ['9,"A,2027-03-31', '9,"A"B,2027-03-31', 'A "B,9', '"', '9,"A', "9,A,2027-03-31,x", "9,A,?"]
)
def test_good_rows_survive_bad_neighbours(bad: str) -> None:
    for good in ("{n},B,2027-03-31", '"{n}","B","2027-03-31"'):
        lines = ["社員番号,氏名,退職日", good.format(n=1), bad, good.format(n=2), bad, good.format(n=3)]
        reading = taken("\n".join(lines).encode())
        assert [notice.employee_number for notice in reading.notices] == ["1", "2", "3"]
        assert {error.row for error in reading.errors} == {3, 5}
        assert reading.rows == 5


@pytest.mark.parametrize(
    ("line", "encoding"),
    [
        ("9,A" + "," * 20_000_000, "utf-8"),
        ("9,A" + "," * 20_000_000, "cp932"),
        ("9,A," + "x" * 20_000_000, "utf-8"),
        ('" 9,' * 5_000_000 + '"', "utf-8"),
    ],
)
def test_an_endless_line_is_a_broken_row_and_is_never_taken_apart(line: str, encoding: str) -> None:
    """Twenty million cells are 400 MB, and seconds in which nobody else in the process gets a word in."""
    good = "{n},髙橋,2027-03-31"
    data = "\r\n".join(["社員番号,氏名,退職日", good.format(n=1), line, good.format(n=2)]).encode(encoding)
    tracemalloc.start()
    try:
        reading, (_, most) = taken(data), tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [notice.employee_number for notice in reading.notices] == ["1", "2"]
    assert faults(reading) == [(3, "", "long_line")]
    assert most < 20_000_000


def test_a_line_may_be_as_long_as_any_export_makes_it() -> None:
    wide = ",".join("あ" * 200 for _ in range(500))
    reading = taken(f"社員番号,氏名,退職日,{wide}\n1,田中,2027-03-31,{wide}".encode())
    assert (len(reading.notices), reading.errors) == (1, ())


def test_a_file_that_contradicts_itself() -> None:
    moved = GOOD | {"退職日": "2027-04-30"}
    assert faults(read(GOOD, moved)) == [
        (2, "社員番号", "same_stint_twice"),
        (3, "社員番号", "same_stint_twice"),
    ]
    assert not read(GOOD, moved).notices
    assert len(read(GOOD, GOOD).notices) == 1
    assert not read(GOOD, GOOD).errors
    first, again = GOOD | {"入社日": "2015-04-01"}, GOOD | {"入社日": "2026-04-01"}
    assert len(read(first, again).notices) == 2
    assert len(read(first, again, GOOD).errors) == 3
    assert len(read(GOOD | {"会社": "A"}, moved | {"会社": "B"}).notices) == 2


def test_an_event_is_what_a_row_says() -> None:
    other_columns = {"部署": "", "備考": "x", "登録可否": "可", "状態": "予定"} | GOOD
    assert one().event_id == read(other_columns).notices[0].event_id
    changes = [
        {"退職日": "2027-04-30"},
        {"状態": "撤回"},
        {"登録可否": "否"},
        {"個人メール": "a@example.jp"},
        {"会社": "B"},
    ]
    assert len({one().event_id, *(one(**change).event_id for change in changes)}) == len(changes) + 1


# --- files that are refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b"", "feed.empty"),
        (b"\xef\xbb\xbf \r\n", "feed.empty"),
        (b"PK\x03\x04....", "feed.spreadsheet"),
        (b"\xd0\xcf\x11\xe0....", "feed.spreadsheet"),
        ("社員番号,氏名,退職日".encode("utf-16"), "feed.binary"),
        (b"a\0b", "feed.binary"),
        ("社員番号,氏名,退職日\n1,田中,2027-03-31".encode("euc_jp"), "feed.unknown_encoding"),
        ("Employee ID,Name,Last day\n1,田中,2027-03-31".encode("euc_jp"), "feed.unknown_encoding"),
        ("Employee ID,Name,Last day\n1,Hélène Müller,2027-03-31".encode("cp1252"), "feed.unknown_encoding"),
        ("1,田中,2027-03-31".encode(), "feed.no_header"),
        ("社員番号,田中".encode(), "feed.no_header"),
        ("社員番号,氏名".encode(), "feed.no_column"),
        ("部署,役職".encode(), "feed.no_column"),
        ("社員番号,氏名,退職日,退職年月日".encode(), "feed.column_twice"),
    ],
)
def test_files_that_cannot_be_taken(data: bytes, key: str) -> None:
    assert rejected(data) == key


def test_limits_and_spreadsheet_names() -> None:
    assert rejected(written(GOOD), "leavers.XLSX") == "feed.spreadsheet"
    assert rejected(written(GOOD), feed=CsvFile(max_bytes=10)) == "feed.too_large"
    assert rejected(written(GOOD, GOOD), feed=CsvFile(max_rows=1)) == "feed.too_many_rows"


def test_the_missing_columns_are_named_in_both_languages() -> None:
    with pytest.raises(FeedRejected) as caught:
        FEED.read("部署,役職".encode(), "x")
    assert "社員番号、氏名、退職日" in TEXTS.plain(caught.value.text, "ja")
    assert "employee number, name, last day" in TEXTS.plain(caught.value.text, "en")


# --- nothing escapes, nothing leaks ----------------------------------------------------------------


@given(
    st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda tail: written(GOOD) + b"\n" + tail))
)
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with suppress(FeedRejected):
        reading = taken(data)
        assert len(reading.notices) + len({error.row for error in reading.errors}) <= reading.rows


@given(st.lists(st.tuples(st.sampled_from(["氏名", "退職日", "個人メール", "状態"]), CELL), max_size=6))
def test_good_rows_survive_whatever_a_cell_holds(cells: list[tuple[str, str]]) -> None:
    rows = [GOOD | {"社員番号": f"x{n}", column: text} for n, (column, text) in enumerate(cells)]
    reading = read(GOOD, *rows, GOOD | {"社員番号": "1002"})
    assert {"1001", "1002"} <= {notice.employee_number for notice in reading.notices}


@given(st.text("QZ田@%\x07\ue000\"'", min_size=6, max_size=30))
def test_no_error_carries_what_stood_in_the_cell(secret: str) -> None:
    row = dict.fromkeys(("退職日", "最終出社日", "入社日", "個人メール", "状態", "登録可否"), secret)
    reading = read(GOOD | row | {"氏名": secret * 20, "社員番号": secret * 9})
    assert len(reading.errors) >= 6
    for error in reading.errors:
        shown = [
            TEXTS.plain(t(f"feed.{key}"), lang) for key in (error.rule, error.remedy) for lang in ("ja", "en")
        ]
        assert all(secret not in text for text in (str(error), repr(error), repr(vars(error)), *shown))
        assert error.__cause__ is None
