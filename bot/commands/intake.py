"""intake: what became of a file of leavers, told to HR: figures, and for every bad row what would be
right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.conversation import Block, Card, Entry, Note, Paragraph, Text, t
from bot.errors import FeedError
from bot.notices import UNHEARD, Heard
from bot.ports import LeaverNotice
from bot.registry import Feature

feature = Feature(__name__)
SHOWN, NAMED = 20, 200


def report_card(counts: Mapping[Heard, int], errors: Sequence[FeedError]) -> Card:
    """The figures of one file and its mistakes; never a value of the file."""
    lines = tuple(Paragraph(figure(heard, count)) for heard, count in counts.items() if count)
    mistakes: list[Block] = [Paragraph(t("intake.mistakes", count=len(errors)))] if errors else []
    mistakes += [Entry(where(error), what(error)) for error in errors[:SHOWN]]
    if len(errors) > SHOWN:
        mistakes.append(Note(t("intake.more", count=len(errors) - SHOWN)))
    empty = (Paragraph(nothing()),) if not lines and not errors else ()
    return Card(t("intake.title"), (*lines, *empty, *mistakes), t("decisions.notice"))


def difference_card(
    counts: Mapping[Heard, int], errors: Sequence[FeedError], changes: Sequence[tuple[Heard, LeaverNotice]]
) -> Card:
    """What a file would change, with names: for a page that only HR sees, never for a stored message.
    `changes` are the first `NAMED` of all."""
    report = report_card(counts, errors)
    whom = tuple(Entry(notice.name, _change(heard, notice)) for heard, notice in changes)
    more = sum(count for heard, count in counts.items() if heard not in UNHEARD) - len(changes)
    rest = (Note(t("intake.more_people", count=more)),) if more else ()
    return Card(t("intake.difference"), (*report.body, *whom, *rest), report.notice, sensitive=True)


def _change(heard: Heard, notice: LeaverNotice) -> Text:
    return t("intake.change", what=t(f"intake.one.{heard.value}"), day=notice.last_day)


def nothing() -> Text:
    """For a file that changed nothing."""
    return t("intake.nothing")


def rejected_card(why: Text) -> Card:
    """A file that could not be taken at all."""
    return Card(
        t("intake.rejected"), (Paragraph(why), Note(t("intake.rejected_right"))), t("decisions.notice")
    )


def broken_card(code: str, *, stays: bool) -> Card:
    """A file that could not be taken for a reason of ours, which the log tells under a code. `stays`: it lies
    in the folder, and is tried again."""
    right = Note(t("intake.broken_stays" if stays else "intake.broken_gone"))
    body = (Paragraph(t("intake.broken", code=code)), right)
    return Card(t("intake.rejected"), body, t("decisions.notice"))


def hindered_card() -> Card:
    """A file that cannot be taken out of the drop folder; which one is not said, a name may tell too much."""
    body = (Paragraph(t("intake.hindered")), Note(t("intake.hindered_right")))
    return Card(t("intake.hindered_title"), body, t("decisions.notice"))


def figure(heard: Heard, count: int) -> Text:
    """One figure of a report."""
    return t(f"intake.{heard.value}", count=count)


def where(error: FeedError) -> Text:
    """Row and column as the file has them."""
    return (
        t("intake.where", row=error.row, column=error.column)
        if error.column
        else t("intake.row", row=error.row)
    )


def what(error: FeedError) -> Text:
    """The rule that is broken and what would be right."""
    return t("intake.what", rule=t(f"feed.{error.rule}"), right=t(f"feed.{error.remedy}"))
