"""A company's own words for the columns, the files to try, and a sentence for every rule."""

from datetime import date
from pathlib import Path

import pytest

from adapters.hris.csv_file import CsvFile
from adapters.hris.mapping import Layers, load_mapping
from bot.errors import ConfigError, FeedRejected
from bot.texts import Texts

ROOT = Path(__file__).parents[2]
FEED = CsvFile()
TEXTS = Texts.load(ROOT / "bot" / "catalogue")


def test_a_companys_own_mapping_lies_over_ours(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[columns]\nlast_day = ["退職年月日"]\nname = ["担当"]\n'
        '[values.state]\nplanned = ["検討中"]\nwithdrawn = ["予定"]\n',
        "utf-8",
    )
    feed = CsvFile(load_mapping(own))
    data = "社員番号,担当,退職日,退職年月日,状態\n1,A,2020-01-01,2027-03-31,検討中\n2,B,,2027-03-31,予定"
    notices = feed.read(data.encode(), "x").notices
    assert [(n.last_day, n.withdrawn) for n in notices] == [
        (date(2027, 3, 31), False),
        (date(2027, 3, 31), True),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[columns", "cannot be read as TOML"),
        ('[columns]\nbirthday = ["誕生日"]', "columns.birthday: unknown"),
        ('[columns]\nname = "氏名"', "columns.name: must be a list"),
        ('[columns]\nname = ["氏名"]\nkana = ["氏 名"]', "already taken by columns.name"),
        ('[values.state]\nmaybe = ["検討中"]', "values.state.maybe: unknown"),
        ('[values.title]\nx = ["y"]', "[values.title]"),
        ('[colums]\nname = ["氏名"]', "[colums]: unknown"),
        ("columns = 1", "must be tables"),
    ],
)
def test_mistakes_in_it_are_named(tmp_path: Path, text: str, told: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        load_mapping(own)
    assert all(part in str(caught.value) for part in (told, "own.toml"))


def test_what_hr_saved_lies_over_the_companys_own_file(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[columns]\nlast_day = ["終了日"]\n[values.state]\nplanned = ["検討中"]', "utf-8")
    layers = Layers.of(own)
    table = {"columns": {"last_day": ["おしまい"]}, "values": {"state": {"withdrawn": ["検討中"]}}}
    assert not layers.mistakes(table)
    assert layers.headers(table)["last_day"] == ("おしまい",)
    before, after = layers.mapping({}), layers.mapping(table)
    assert (before.field("終了日"), before.field("退職日"), after.field("終了日")) == ("last_day", None, None)
    assert (after.field("おしまい"), after.field("氏名")) == ("last_day", "name")
    assert (before.meaning("state", "検討中"), after.meaning("state", "検討中")) == ("planned", "withdrawn")
    assert "columns.birthday" in layers.mistakes({"columns": {"birthday": ["x"]}})[0]


def test_a_file_is_read_by_one_mapping_and_the_next_by_the_new_one() -> None:
    feed = CsvFile()
    data = "社員番号,氏名,おしまい\n1,A,2027-03-31".encode()
    with pytest.raises(FeedRejected):
        feed.read(data, "x")
    feed.mapping = Layers.of().mapping({"columns": {"last_day": ["おしまい"]}})
    assert next(feed.read(data, "x").notices).last_day == date(2027, 3, 31)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [("smarthr_style", 7, 0), ("freee_style", 5, 0), ("english", 6, 0), ("with_mistakes", 3, 12)],
)
def test_the_examples(name: str, good: int, bad: int) -> None:
    path = ROOT / "examples" / f"leavers_{name}.csv"
    reading = FEED.read(path.read_bytes(), path.name)
    assert (len(list(reading.notices)), len({error.row for error in reading.errors})) == (good, bad)
    assert reading.rows == good + bad


def test_every_rule_has_its_remedy() -> None:
    readings = [FEED.read(path.read_bytes(), path.name) for path in ROOT.glob("examples/*.csv")]
    assert all(list(reading.notices) for reading in readings)
    from_examples = {error.rule for reading in readings for error in reading.errors}
    assert len(from_examples) >= 10
    for key in [key for key in TEXTS.keys() if key.startswith("feed.") and key.endswith("_right")]:  # noqa: SIM118
        assert TEXTS.has(key.removesuffix("_right"))
    assert all(TEXTS.has(f"feed.column.{field}") for field in load_mapping().headers.values())
