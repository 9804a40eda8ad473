"""Leavers from a file with commas, semicolons or tabs: what every HR system can write.

A file is walked line by line, and more than once: first to count its rows and to find whom it names twice,
then for its notices, so that memory never holds all of them.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial, reduce
from io import BytesIO, TextIOWrapper
from itertools import islice

from adapters.hris.decoding import encoding_of
from adapters.hris.mapping import FeedMapping, load_mapping
from adapters.hris.rows import Key, key_of, read_row
from bot.conversation import Text, t
from bot.errors import FeedError, FeedRejected
from bot.ports import FeedReading, LeaverNotice

_DELIMITERS = (",", "\t", ";")
_TITLE_LINES = 10  # exports may begin with a title; the header stands in one of the first rows
_LONGEST_CELL = 20  # lines; a quote that is still open then is a broken row, not a long cell
_LINES_PER_ROW = 5  # on the average, at most
_WIDEST = 500  # columns that are looked at
_LONGEST_LINE = 1_000_000
"""Characters; what is longer is a broken row. It is taken apart in one go, while which no other thread of the
process gets on: twenty million cells took seconds, and 400 MB."""
_NOT_SHOWN = re.compile(r"[^\w \-./()（）:：・_#]")
_BROKEN = "broken_quotes"
_Cells = dict[str, str]


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
        file = _File(data, encoding_of(data))
        if file.line_ends() > self.max_rows * _LINES_PER_ROW:
            raise FeedRejected("feed.too_many_rows", limit=self.max_rows)
        mapping = self.mapping
        table = _Table(file, _header(file, mapping), mapping, self.source)
        rows, several = table.counted(self.max_rows)
        errors: list[FeedError] = []
        return FeedReading(table.notices(several, errors), errors, rows)


@dataclass(frozen=True, slots=True)
class _File:
    """The bytes of a file, and its lines as often as they are wanted."""

    data: bytes
    encoding: str

    def lines(self) -> Iterator[str]:
        """Line by line without their ends, of whichever kind; of one that is too long only the beginning."""
        text = TextIOWrapper(BytesIO(self.data), self.encoding, errors="replace")
        read = partial(text.readline, _LONGEST_LINE)
        while line := read():
            yield line.removesuffix("\n")
            while len(line) == _LONGEST_LINE and not line.endswith("\n"):
                line = read()

    def line_ends(self) -> int:
        """How many there are."""
        return self.data.count(b"\n") + self.data.count(b"\r") - self.data.count(b"\r\n")


def _header(file: _File, mapping: FeedMapping) -> _Header:
    """The row among the first ones, and the delimiter, under which most columns are known."""
    best: _Header | None = None
    for delimiter in _DELIMITERS:
        for row, (end, cells) in enumerate(islice(_records(file.lines(), delimiter), _TITLE_LINES), 1):
            found = _Header((row, end), delimiter, () if isinstance(cells, str) else cells, mapping)
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

    def named(self, cells: Sequence[str]) -> _Cells | str:
        """A row's cells by their field, or the rule that it breaks."""
        if not _blank(cells[self.width :]):
            return "too_many_cells"
        return {name: cells[at] for at, name in self.columns if at < len(cells)}


class _Table:
    """The rows below a header, as spreadsheets number them; those without a word are passed over."""

    def __init__(self, file: _File, header: _Header, mapping: FeedMapping, source: str) -> None:
        self._file, self._header, self._mapping, self._source = file, header, mapping, source

    def counted(self, most: int) -> tuple[int, set[int]]:
        """How many rows there are, and hashes of keys that may stand in several. Raises `FeedRejected`."""
        rows, seen, several = 0, set[int](), set[int]()
        for _, cells in self._walk():
            rows += 1
            if rows > most:
                raise FeedRejected("feed.too_many_rows", limit=most)
            if not isinstance(cells, str):
                mark = hash(key_of(cells))
                (several if mark in seen else seen).add(mark)
        return rows, several

    def notices(self, several: Collection[int], errors: list[FeedError]) -> Iterator[LeaverNotice]:
        """What the rows say, each statement once, everything about one key together; what is wrong with
        them goes to `errors`, in their order."""
        stints = self._stints(several)
        for number, cells in self._walk():
            read = self._read(number, cells)
            if isinstance(read, list):
                errors += read
                continue
            same = stints.get((read.entity, read.employee_number))
            if same is None:
                yield read
            elif same.contradictory:
                errors.append(FeedError(number, self._header.shown["employee_number"], "same_stint_twice"))
            elif not same.told:
                same.told = True
                yield from (read, *same.others.values())

    def _stints(self, several: Collection[int]) -> dict[Key, _Stints]:
        found: dict[Key, _Stints] = {}
        for number, cells in self._walk() if several else ():
            if isinstance(cells, str) or hash(key := key_of(cells)) not in several:
                continue
            read = self._read(number, cells)
            if isinstance(read, LeaverNotice):
                found.setdefault(key, _Stints()).hear(read)
        return found

    def _walk(self) -> Iterator[tuple[int, _Cells | str]]:
        """Each row's number with its cells by field, or the rule that it breaks as a whole."""
        header = self._header
        rows = _records(islice(self._file.lines(), header.end, None), header.delimiter, header.width)
        for number, (_, cells) in enumerate(rows, header.row + 1):
            if isinstance(cells, str):
                yield number, cells
            elif not _blank(cells):
                yield number, header.named(cells)

    def _read(self, number: int, cells: _Cells | str) -> LeaverNotice | list[FeedError]:
        if isinstance(cells, str):
            return [FeedError(number, "", cells)]
        read, shown = read_row(cells, self._mapping, self._source), self._header.shown
        if isinstance(read, LeaverNotice):
            return read
        return [FeedError(number, shown.get(fault.field, ""), fault.rule) for fault in read]


@dataclass(slots=True)
class _Stints:
    """What a file says about one key in more than one row; of the first statement only which it is."""

    event: str = ""
    hired_on: date | None = None
    others: dict[date | None, LeaverNotice] = field(default_factory=dict)
    contradictory: bool = False
    told: bool = False

    def hear(self, notice: LeaverNotice) -> None:
        """One more row. A stint is told by its date of hiring; without one it may be any."""
        if not self.event:
            self.event, self.hired_on = notice.event_id, notice.hired_on
        known = self.others.get(notice.hired_on)
        if self.contradictory or notice.event_id in (self.event, known and known.event_id):
            return
        if known or None in (self.hired_on, notice.hired_on) or notice.hired_on == self.hired_on:
            self.contradictory, self.others = True, {}
        else:
            self.others[notice.hired_on] = notice


def _blank(cells: Sequence[str]) -> bool:
    return not any(cell and not cell.isspace() for cell in cells)


def _records(lines: Iterator[str], delimiter: str, width: int = 0) -> Iterator[tuple[int, list[str] | str]]:
    """The rows as a spreadsheet counts them, each with the line after it; of a broken one the rule it breaks.

    A cell may hold line breaks. An open quote that finds no end within a few lines, or an end that does not
    give a row of `width` cells, breaks one line only, so that the rows below it survive.
    """
    at, ahead = 0, deque[str]()
    while (line := ahead.popleft() if ahead else next(lines, None)) is not None:
        at += 1
        if not line:
            yield at, []
        elif len(line) >= _LONGEST_LINE:
            yield at, "long_line"
        elif line.count('"') % 2 == 0:
            yield at, _parsed(line, delimiter)
        else:
            ahead.extend(islice(lines, _LONGEST_CELL - 1 - len(ahead)))
            rest = _up_to_closing(ahead)
            joined = _parsed("\n".join((line, *rest)), delimiter) if rest else _BROKEN
            if isinstance(joined, str) or width not in (0, len(joined)):
                yield at, _BROKEN
                continue
            for _ in rest:
                ahead.popleft()
            at += len(rest)
            yield at, joined


def _up_to_closing(lines: Collection[str]) -> list[str]:
    """The lines up to the one that closes a quote; none when there is none."""
    rest = list(lines)
    return next((rest[: at + 1] for at, line in enumerate(rest) if line.count('"') % 2), [])


def _parsed(record: str, delimiter: str) -> list[str] | str:
    try:
        return next(csv.reader([record], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return _BROKEN


def _listed(fields: Sequence[str]) -> Text:
    """The names of columns in the reader's language, one after the other."""
    names = [t(f"feed.column.{name}") for name in fields]
    return reduce(lambda first, second: t("feed.and", first=first, second=second), names)
