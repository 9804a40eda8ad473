"""Leavers from a file with commas, semicolons or tabs: what every HR system can write."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice

from adapters.hris.decoding import decode
from adapters.hris.mapping import FeedMapping, load_mapping
from adapters.hris.rows import read_row
from bot.conversation import Text, t
from bot.errors import FeedError, FeedRejected
from bot.ports import FeedReading, LeaverNotice

_DELIMITERS = (",", "\t", ";")
_TITLE_LINES = 10  # exports may begin with a title; the header stands in one of the first rows
_LONGEST_CELL = 20  # lines; a quote that is still open then is a broken row, not a long cell
_LINES_PER_ROW = 5  # on the average, at most
_WIDEST = 500  # columns that are looked at
_NOT_SHOWN = re.compile(r"[^\w \-./()（）:：・_#]")


@dataclass(slots=True)
class CsvFile:
    """A `LeaverSource` over CSV. `max_bytes` and `max_rows` bound what one file may cost.

    Not frozen, because HR may change the `mapping` while the house runs; a file is read by one of them.
    """

    mapping: FeedMapping = field(default_factory=load_mapping)
    source: str = "csv"
    max_bytes: int = 30_000_000
    max_rows: int = 200_000

    def read(self, data: bytes, name: str) -> FeedReading:
        """Turn a file into notices; a bad row costs nobody but itself.

        Raises `FeedRejected` when it cannot be read at all: too large, no text, no header, a column missing.
        """
        if len(data) > self.max_bytes:
            raise FeedRejected("feed.too_large", megabytes=self.max_bytes // 1_000_000)
        if name.lower().endswith((".xlsx", ".xlsm", ".xls", ".ods", ".numbers")):
            raise FeedRejected("feed.spreadsheet")
        text = decode(data).replace("\r\n", "\n").replace("\r", "\n")
        if text.count("\n") > self.max_rows * _LINES_PER_ROW:
            raise FeedRejected("feed.too_many_rows", limit=self.max_rows)
        lines = text.split("\n")
        mapping = self.mapping
        header = self._header(lines, mapping)
        reading = _Reading(header, mapping, self.source)
        rows = _records(lines[header.end :], header.delimiter, header.width)
        for number, (_, cells) in enumerate(rows, header.row + 1):
            if cells is None or not _blank(cells):
                reading.take(number, cells)
            if reading.rows > self.max_rows:
                raise FeedRejected("feed.too_many_rows", limit=self.max_rows)
        return reading.result()

    def _header(self, lines: Sequence[str], mapping: FeedMapping) -> _Header:
        """The row among the first ones, and the delimiter, under which most columns are known."""
        best: _Header | None = None
        for delimiter in _DELIMITERS:
            for row, (end, cells) in enumerate(islice(_records(lines, delimiter), _TITLE_LINES), 1):
                found = _Header((row, end), delimiter, cells or (), mapping)
                if len(found.columns) > (len(best.columns) if best else 1):
                    best = found
        if best is None:
            raise FeedRejected("feed.no_header")
        best.check()
        return best


class _Header:
    """Which column is which field. `place`: its row as a spreadsheet counts, and the line after it."""

    def __init__(
        self, place: tuple[int, int], delimiter: str, cells: Sequence[str], mapping: FeedMapping
    ) -> None:
        (self.row, self.end), self.delimiter, self.width = place, delimiter, len(cells)
        known = [(at, cell, mapping.field(cell)) for at, cell in enumerate(cells[:_WIDEST])]
        self.columns = [(at, found) for at, _, found in known if found]
        self.shown = {found: _NOT_SHOWN.sub("", cell).strip()[:60] for _, cell, found in known if found}

    def check(self) -> None:
        """Raises `FeedRejected` when a needed column is missing or a field stands in two columns."""
        fields = [found for _, found in self.columns]
        needed = [("employee_number",), ("name", "surname"), ("last_day",)]
        missing = [either[0] for either in needed if not set(either) & set(fields)]
        if missing:
            raise FeedRejected("feed.no_column", columns=_listed(missing))
        twice = sorted({found for found in fields if fields.count(found) > 1})
        if twice:
            raise FeedRejected("feed.column_twice", columns=_listed(twice))


class _Reading:
    """What has been read so far."""

    def __init__(self, header: _Header, mapping: FeedMapping, source: str) -> None:
        self.header, self.mapping, self.source = header, mapping, source
        self.rows = 0
        self.notices: list[tuple[int, LeaverNotice]] = []
        self.errors: list[FeedError] = []

    def take(self, number: int, cells: Sequence[str] | None) -> None:
        self.rows += 1
        if cells is None:
            self.errors.append(FeedError(number, "", "broken_quotes"))
            return
        if not _blank(cells[self.header.width :]):
            self.errors.append(FeedError(number, "", "too_many_cells"))
            return
        here = {name: cells[at] for at, name in self.header.columns if at < len(cells)}
        outcome = read_row(here, self.mapping, self.source)
        if isinstance(outcome, LeaverNotice):
            self.notices.append((number, outcome))
        else:
            shown = self.header.shown
            self.errors.extend(FeedError(number, shown.get(f.field, ""), f.rule) for f in outcome)

    def result(self) -> FeedReading:
        groups: dict[tuple[str, str], list[tuple[int, LeaverNotice]]] = {}
        for number, notice in self.notices:
            groups.setdefault((notice.entity, notice.employee_number), []).append((number, notice))
        good: list[LeaverNotice] = []
        for rows in groups.values():
            single = list({notice.event_id: notice for _, notice in rows}.values())
            if _one_stint_twice(single):
                column = self.header.shown["employee_number"]
                self.errors.extend(FeedError(number, column, "same_stint_twice") for number, _ in rows)
            else:
                good.extend(single)
        self.errors.sort(key=lambda error: error.row)
        return FeedReading(tuple(good), tuple(self.errors), self.rows)


def _one_stint_twice(notices: Sequence[LeaverNotice]) -> bool:
    """Whether a file contradicts itself about a stint; a stint without a date of hiring may be any."""
    hired = [notice.hired_on for notice in notices]
    return len(notices) > 1 and (None in hired or len(set(hired)) < len(hired))


def _blank(cells: Sequence[str]) -> bool:
    return not any(cell and not cell.isspace() for cell in cells)


def _records(lines: Sequence[str], delimiter: str, width: int = 0) -> Iterator[tuple[int, list[str] | None]]:
    """The rows as a spreadsheet counts them, each with the line after it; None for broken quotes.

    A cell may hold line breaks. An open quote that finds no end within a few lines, or an end that does not
    give a row of `width` cells, breaks one line only, so that the rows below it survive.
    """
    at = 0
    while at < len(lines):
        end = at + 1
        cells: list[str] | None = None
        if not lines[at]:
            cells = []
        elif lines[at].count('"') % 2 == 0:
            cells = _parsed(lines[at], delimiter)
        elif closing := _closing_line(lines, at):
            joined = _parsed("\n".join(lines[at : closing + 1]), delimiter)
            if joined is not None and width in (0, len(joined)):
                end, cells = closing + 1, joined
        yield end, cells
        at = end


def _closing_line(lines: Sequence[str], start: int) -> int:
    """The line that closes the quote opened in `start`, or 0."""
    last = min(len(lines), start + _LONGEST_CELL)
    return next((at for at in range(start + 1, last) if lines[at].count('"') % 2), 0)


def _parsed(record: str, delimiter: str) -> list[str] | None:
    try:
        return next(csv.reader([record], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _listed(fields: Sequence[str]) -> Text:
    """The names of columns in the reader's language, one after the other."""
    names = [t(f"feed.column.{name}") for name in fields]
    return reduce(lambda first, second: t("feed.and", first=first, second=second), names)
