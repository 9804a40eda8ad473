"""A file for a spreadsheet: opens in Japanese Excel as it was meant, and nothing in it is run."""

from __future__ import annotations

import csv
import io
from datetime import UTC, date, datetime
from enum import IntEnum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sheet import as_csv

TOKYO = "Asia/Tokyo"


class Step(StrEnum):
    """Words of the house."""

    WAITING = "waiting"


class Grade(IntEnum):
    """Numbers with names."""

    FIRST = 1


def read(data: bytes) -> list[list[str]]:
    """The file as a spreadsheet takes it apart."""
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))


def cell(value: object, zone: str = TOKYO) -> str:
    """What becomes of one value."""
    (_, (written,)) = read(as_csv(["h"], [[value]], zone))
    return written


def test_the_bytes_are_what_excel_wants() -> None:
    data = as_csv(["氏名", "理由"], [["髙橋 愛子", 'a,"b"'], ["", None]], TOKYO)
    assert data == '\ufeff氏名,理由\r\n髙橋 愛子,"a,""b"""\r\n,\r\n'.encode()


def test_a_line_break_inside_a_cell_stays_in_it() -> None:
    data = as_csv(["h", "i"], [["一\r\n二\r三\n四", "x"]], TOKYO)
    assert '"一\n二\n三\n四",x\r\n'.encode() in data
    assert read(data)[1:] == [["一\n二\n三\n四", "x"]]


def test_days_moments_numbers_and_words() -> None:
    assert cell(date(2026, 3, 31)) == "2026-03-31"
    assert cell(datetime(2026, 3, 31, 15, 30, tzinfo=UTC)) == "2026-04-01 00:30"
    assert cell(datetime(2026, 3, 31, 15, 30, tzinfo=UTC), "Europe/London") == "2026-03-31 16:30"
    numbers = [cell(value) for value in (-5, 0, 1200, -1.5, True, False, None)]
    assert numbers == ["-5", "0", "1200", "-1.5", "true", "false", ""]
    assert [cell(Step.WAITING), cell(Grade.FIRST)] == ["waiting", "1"]
    for emoji in ("👩‍👩‍👧", "𠮷野家", "﨑"):
        assert cell(emoji) == emoji


def test_what_is_no_value_of_a_cell_is_a_bug() -> None:
    for wrong in (["a"], b"x", object()):
        with pytest.raises(TypeError):
            cell(wrong)
    with pytest.raises(ValueError, match="time zone"):
        cell(datetime(2026, 3, 31))  # noqa: DTZ001 - the mistake itself


def test_half_of_a_surrogate_pair_does_not_stop_a_file() -> None:
    assert cell("a\ud800b") == "a?b"


@pytest.mark.parametrize(
    "formula",
    [
        "=cmd|' /C calc'!A0",
        "＝1+1",
        "＋1",
        "－1",
        "＠SUM(1)",
        "+81 3 1234",
        "-1+1",
        "\N{MINUS SIGN}1",
        "@SUM(A1)",
        " =1",
        "\n=1",
        "\r\n=1",
        "\t=1",
        "\t",
        "\N{IDEOGRAPHIC SPACE}＝1",
        "\N{NO-BREAK SPACE}=1",
        "\N{ZERO WIDTH SPACE}=1",
        "\ufeff=1",
        "\x00=1",
    ],
)
def test_what_would_be_run_gets_an_apostrophe(formula: str) -> None:
    (header,), (value,) = read(as_csv([formula], [[formula]], TOKYO))
    assert header == value == "'" + formula.replace("\r\n", "\n")


@pytest.mark.parametrize("words", ["1=1", "a@b.example", "'=1", "髙橋-田中", "3 + 4", "—", "ー", ""])
def test_ordinary_words_stay_as_they_are(words: str) -> None:
    assert cell(words) == words


@given(st.lists(st.lists(st.text(max_size=20), min_size=2, max_size=2), max_size=5))
def test_whatever_is_typed_the_table_keeps_its_shape_and_runs_nothing(rows: list[list[str]]) -> None:
    header, *found = read(as_csv(["a", "b"], rows, TOKYO))
    assert header == ["a", "b"]
    assert [len(row) for row in found] == [2] * len(rows)
    for row, typed in zip(found, rows, strict=True):
        for shown, words in zip(row, typed, strict=True):
            assert shown.removeprefix("'") == words.replace("\r\n", "\n").replace("\r", "\n").removeprefix(
                "'"
            )
            assert not shown.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
