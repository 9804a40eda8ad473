"""Skills beside their owner: every word once, in step with what was typed; and how old databases get them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text

from bot.visibility import CHOOSABLE, Audience
from storage import people, schema, search
from storage.engine import Tx, now
from storage.people import Person, Skill
from storage.sqlite import sqlite_engine
from tests.desk import Desk


def words(tx: Tx, person: Person) -> list[str]:
    query = select(Skill.word).where(Skill.person_id == person.id).order_by(Skill.word)
    return list(tx.scalars(query))


def test_words_follow_what_was_typed(tx: Tx) -> None:
    aiko, jiro = people.add(tx, "髙橋 愛子", skills="経理, C++"), people.add(tx, "山﨑 次郎", skills="経理")
    assert (words(tx, aiko), words(tx, jiro)) == (["c++", "経理"], ["経理"])
    people.set_skills(tx, aiko, "ｐｙｔｈｏｎ、Python・経理")
    assert (aiko.skills, words(tx, aiko)) == ("ｐｙｔｈｏｎ、Python・経理", ["python", "経理"])
    people.set_skills(tx, aiko, "。。。")
    assert (aiko.skills, words(tx, aiko)) == ("。。。", [])
    assert words(tx, jiro) == ["経理"]


def test_all_that_fits_into_the_field_fits_into_the_table(tx: Tx) -> None:
    aiko = people.add(tx, "髙橋 愛子", skills=",".join(f"{n:09}" for n in range(20)))
    assert (len(aiko.skills), len(words(tx, aiko))) == (199, 20)


def test_erasing_takes_the_words_along(tx: Tx) -> None:
    aiko, jiro = people.add(tx, "髙橋 愛子", skills="経理"), people.add(tx, "山﨑 次郎", skills="経理")
    people.erase(tx, aiko.id)
    tx.expire_all()
    assert (aiko.skills, words(tx, aiko)) == ("", [])
    assert words(tx, jiro) == ["経理"]


def test_who_has_a_skill_is_read_from_the_index_alone(desk_in_file: Desk) -> None:
    with desk_in_file.transaction() as tx:
        plan = _plan(tx)
    assert "USING COVERING INDEX ix_skills_word_person_id" in plan


def _plan(tx: Tx) -> str:
    people.add(tx, "髙橋 愛子", skills="経理")
    plan = tx.execute(text("EXPLAIN QUERY PLAN SELECT person_id FROM skills WHERE word IN ('経理', 'x')"))
    return str(plan.all())


LISTS = st.lists(
    st.sampled_from(["Python", "ざくろ染め", "鵜飼", "C++", "需要予測"]), min_size=1, max_size=4, unique=True
)


@settings(max_examples=40)
@given(known=LISTS, shown=st.lists(st.sampled_from(CHOOSABLE), unique=True), listed=st.booleans())
def test_alumni_never_find_a_hidden_skill(
    lasting_desk: Desk, known: list[str], shown: list[str], listed: bool
) -> None:
    with lasting_desk.transaction() as tx:
        person = people.add(tx, "髙橋 愛子", member_from=now(tx), place="福岡", skills="、".join(known))
        people.confirm(person, now(tx).date(), {}, shown, listed)
        search.index(tx, person)
        seen = people.profile(tx, person.id, Audience.ALUMNI)
        assert (seen.skills if seen else "") == (person.skills if listed and "skills" in shown else "")
        for word in known:
            found = [hit.skills for hit in search.find(tx, word, Audience.ALUMNI).hits]
            assert found == ([person.skills] if listed and "skills" in shown else [])
            assert bool(search.find(tx, word, Audience.HR).hits) is listed


# --- databases of before ------------------------------------------------------------------------------------


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    schema.upgrade(f"sqlite:///{tmp_path}/okaeri.db", "0007")
    return sqlite_engine(f"sqlite:///{tmp_path}/okaeri.db", foreign_keys=False)


def to(engine: Engine, revision: str) -> None:
    made = Config(output_buffer=io.StringIO())
    made.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with engine.connect() as connection:
        made.attributes["connection"] = connection
        (command.upgrade if revision == "0008" else command.downgrade)(made, revision)


def somebody(engine: Engine) -> None:
    """A row of people as this revision has it: whatever must be filled is filled with nothing."""
    with engine.begin() as connection:
        columns = connection.execute(text("PRAGMA table_info(people)")).mappings().all()
        needed = {c["name"]: "''" for c in columns if c["notnull"]} | {"id": "'p_1'", "name": "'髙橋 愛子'"}
        sql = f"INSERT INTO people ({', '.join(needed)}) VALUES ({', '.join(needed.values())})"
        connection.execute(text(sql))


def test_who_was_there_before_has_no_skills_yet_and_stays_when_they_go(engine: Engine) -> None:
    somebody(engine)
    to(engine, "0008")
    with engine.begin() as connection:
        assert connection.execute(text("SELECT name, skills FROM people")).all() == [("髙橋 愛子", "")]
        connection.execute(text("UPDATE people SET skills = 'Python'"))
        connection.execute(text("INSERT INTO skills (person_id, word) VALUES ('p_1', 'python')"))
        assert connection.execute(select(func.count()).select_from(Skill)).scalar() == 1
    to(engine, "0007")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT name FROM people")).scalars().all() == ["髙橋 愛子"]
        names = (
            connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars().all()
        )
    assert "skills" not in names
    to(engine, "0008")
    engine.dispose()
