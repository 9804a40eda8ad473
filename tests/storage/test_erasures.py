"""The list of erasures: proofs in a chain, the same lines in a file, and a restore that obeys it."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from bot import leaving
from bot.app import core, running
from bot.notices import take_notice
from bot.settings import Settings, load
from jobs.erasures import Erasures
from storage import consents, erasures, journal, leavers, people
from storage.columns import Vault
from storage.consents import Decision, Purpose, Said
from storage.engine import Tx, now
from storage.erasures import Erasure, Told, Why
from storage.leavers import Leaver, Stage
from storage.outbox import Delivery
from tests.desk import Desk, notice

SAID = Said("ja", "slack")


def file_of(desk: Desk) -> Path:
    return desk.file.with_name(f"{desk.file.name}.erasures")


def kept(desk: Desk) -> Erasures:
    """A process that has just started on this database."""
    made = Erasures(desk.database, file_of(desk))
    made.replay()
    return made


def lines(desk: Desk) -> list[dict[str, str]]:
    return [json.loads(line) for line in file_of(desk).read_text("utf-8").splitlines()]


def goes(desk: Desk, number: str) -> str:
    """Somebody is announced and asks to be erased; who it was."""
    desk.hears(notice(number, name=f"鵜飼 {number}"))
    row = desk.leaver(number)
    desk.does(lambda tx: leaving.leave(tx, leavers.get(tx, row.id), SAID))  # type: ignore[arg-type]
    return row.person_id


async def test_every_proof_follows_from_the_one_before(desk: Desk) -> None:
    for number in ("E1", "E2", "E3"):
        goes(desk, number)
    assert desk.sees(erasures.intact)
    assert desk.sees(erasures.count) == 3

    def tamper(tx: Tx) -> None:
        row = tx.get_one(Erasure, 2)
        row.done_at += timedelta(seconds=1)

    desk.does(tamper)
    assert not desk.sees(erasures.intact)


def test_a_line_taken_out_is_seen(desk: Desk) -> None:
    for number in ("E1", "E2", "E3"):
        goes(desk, number)
    desk.does(lambda tx: tx.delete(tx.get_one(Erasure, 2)))
    assert not desk.sees(erasures.intact)


async def test_the_file_says_the_same_once_and_names_nobody(desk: Desk) -> None:
    job = kept(desk)
    assert not await job.keep()
    first = goes(desk, "E1")
    assert await job.keep()
    assert not await job.keep()
    second = goes(desk, "E2")
    assert await job.keep()
    assert [line["person"] for line in lines(desk)] == [first, second]
    proofs = desk.sees(lambda tx: [row.proof.hex() for row in erasures.after(tx, 0)])
    assert [line["proof"] for line in lines(desk)] == proofs
    assert "鵜飼" not in file_of(desk).read_text("utf-8")
    assert not await kept(desk).keep()  # another process finds nothing left to write
    assert len(lines(desk)) == 2
    assert file_of(desk).stat().st_mode & 0o077 == 0


async def test_what_was_not_written_before_a_crash_is_written_at_the_next_start(desk: Desk) -> None:
    gone = goes(desk, "E1")
    assert await kept(desk).keep()
    assert [line["person"] for line in lines(desk)] == [gone]


async def test_a_lost_file_is_written_anew(desk: Desk) -> None:
    goes(desk, "E1")
    goes(desk, "E2")
    await kept(desk).keep()
    whole = file_of(desk).read_bytes()
    file_of(desk).unlink()
    await kept(desk).keep()
    assert file_of(desk).read_bytes() == whole


TORN = ("{", '{"person": "p_x"', "\x00\x00", '{"person": "p", "why": "own", "done": 1}', "null")


@pytest.mark.parametrize("torn", TORN)
async def test_a_torn_line_hinders_neither_the_start_nor_the_next(desk: Desk, torn: str) -> None:
    first = goes(desk, "E1")
    await kept(desk).keep()
    with file_of(desk).open("a", encoding="utf-8") as file:
        file.write(torn)
    job = kept(desk)
    second = goes(desk, "E2")
    await job.keep()
    text = file_of(desk).read_text("utf-8").splitlines()
    assert [json.loads(line)["person"] for line in (text[0], text[-1])] == [first, second]
    assert kept(desk).replay() == 0


def test_who_was_erased_allows_nothing_whatever_they_said(desk: Desk) -> None:
    desk.hears(notice("E1"))
    row = desk.leaver("E1")
    said = [Purpose.STAY_IN_TOUCH, Purpose.OPENINGS]
    desk.does(
        lambda tx: [
            consents.record(tx, row.person_id, Decision.GIVEN, Said("ja", "slack"), one) for one in said
        ]
    )
    desk.does(lambda tx: leaving.strike(tx, leavers.get(tx, row.id)))  # type: ignore[arg-type]
    last = desk.sees(lambda tx: consents.latest(tx, row.person_id))
    assert {one: (last[one].decision, last[one].channel) for one in said} == dict.fromkeys(
        said, (Decision.WITHDRAWN, "erased")
    )
    assert not desk.sees(lambda tx: consents.allowing(tx, [row.person_id], Purpose.STAY_IN_TOUCH))


async def test_a_restored_backup_forgets_them_again_before_anything_else(
    desk_in_file: Desk, tmp_path: Path
) -> None:
    desk = desk_in_file
    for number in ("E1", "E2", "E3"):
        desk.hears(notice(number, name=f"鵜飼 {number}"))
    stays = goes(desk, "E9")
    await kept(desk).keep()
    await desk.database.write_back()
    backup = tmp_path / "backup.db"
    shutil.copy(desk.file, backup)
    struck, died = desk.leaver("E1"), desk.leaver("E2")
    job = kept(desk)
    desk.does(lambda tx: leaving.strike(tx, leavers.get(tx, struck.id)))  # type: ignore[arg-type]
    desk.does(lambda tx: leaving.strike(tx, leavers.get(tx, died.id), deceased=True))  # type: ignore[arg-type]
    since = goes(desk, "E4")  # the backup does not know them at all
    await job.keep()
    proofs = desk.sees(lambda tx: [row.proof for row in erasures.after(tx, 0)])
    desk.database.close()
    for path in desk.file.parent.glob(f"{desk.file.name}-*"):
        path.unlink()
    shutil.copy(backup, desk.file)
    restored = desk.again()
    assert "鵜飼 E1".encode() in restored.bytes()

    again = Erasures(restored.database, file_of(desk))
    assert again.replay() == 2
    await again.keep()
    for row in (struck, died):
        person = restored.sees(lambda tx, who=row.person_id: people.one(tx, who))
        assert (person.name, person.left_at is None) == ("", False)
        told = restored.sees(lambda tx, who=row.person_id: [line.what for line in journal.about(tx, who)])
        assert told[-1] == "person.erased_again"
    stages = [restored.sees(lambda tx, one=row.id: tx.get_one(Leaver, one)).stage for row in (struck, died)]
    assert stages == [Stage.STRUCK, Stage.DECEASED]
    assert restored.sees(lambda tx: [row.proof for row in erasures.after(tx, 0)]) == proofs
    assert [line["person"] for line in lines(desk)] == [stays, struck.person_id, died.person_id, since]
    assert not [n for n in ("鵜飼 E1", "鵜飼 E2") if n.encode() in restored.bytes()]
    assert "鵜飼 E3".encode() in restored.bytes()
    assert restored.sees(lambda tx: tx.query(Delivery).filter(Delivery.payload.is_not(None)).count()) == 0
    for number in ("E1", "E2", "E4"):
        restored.hears(notice(number, name=f"鵜飼 {number}", department="総務部"))
    suppressed = restored.sees(lambda tx: [leavers.latest(tx, "", number) for number in ("E1", "E2")])
    assert suppressed == [None, None]
    assert Erasures(restored.database, file_of(desk)).replay() == 0
    restored.database.close()


def test_the_dead_are_never_created_again_whatever_date_a_notice_names(desk: Desk) -> None:
    desk.hears(notice("E1"))
    row = desk.leaver("E1")
    desk.does(lambda tx: leaving.strike(tx, leavers.get(tx, row.id), deceased=True))  # type: ignore[arg-type]
    desk.hears(notice("E1", last_day="2029-03-31"))
    assert desk.sees(lambda tx: leavers.latest(tx, "", "E1")) is None
    desk.hears(notice("E1", last_day="2029-03-31", hired_on=row.last_day + timedelta(days=30)))
    # hired after that: the number is another person's now
    assert desk.sees(lambda tx: leavers.latest(tx, "", "E1")) is not None


def test_a_person_of_whom_only_the_file_knows_is_listed(tx: Tx) -> None:
    at = now(tx)
    row = erasures.keep(tx, Told("p_unknown", Why.OWN, at, at))
    assert row.proof == erasures.proof_of(b"", "p_unknown", at)
    assert erasures.ids(tx) == {"p_unknown"}


def chosen(folder: Path, **changes: str) -> Settings:
    """A house without any chat, in a folder."""
    values = {
        "database_url": f"sqlite:///{folder}/okaeri.db", "secret_key": Vault.make(), "contact_name": "HR",
        "smtp_url": "smtp://127.0.0.1:9", "mail_from": "okaeri@minato.example.jp",
        "contact_email": "hr@minato.example.jp",
    }  # fmt: skip
    return load(_env_file=None, **values, **changes)


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("okaeri.db*"))


async def test_a_house_that_starts_on_a_backup_begins_with_the_list(tmp_path: Path) -> None:
    settings = chosen(tmp_path)
    first = core(settings)
    first.database.run_now(lambda tx: take_notice(tx, notice("E1", name="鵜飼 蛍"), first.policy))
    await first.database.write_back()
    shutil.copy(tmp_path / "okaeri.db", tmp_path / "backup.db")
    row = first.database.run_now(lambda tx: leavers.latest(tx, "", "E1"), True)
    assert row is not None
    first.database.run_now(lambda tx: leaving.leave(tx, tx.get_one(Leaver, row.id), SAID))
    first.database.close()
    async with running(settings):
        pass  # what was not in the file yet is, when a house is closed
    assert row.person_id.encode() in on_disk(tmp_path)
    shutil.copy(tmp_path / "backup.db", tmp_path / "okaeri.db")
    assert "鵜飼".encode() in on_disk(tmp_path)

    second = core(settings)
    assert second.database.run_now(lambda tx: people.one(tx, row.person_id), True).name == ""
    assert second.database.run_now(erasures.ids, True) == {row.person_id}
    await second.erasures.keep()
    assert "鵜飼".encode() not in on_disk(tmp_path)
    second.database.close()


async def test_the_list_may_lie_elsewhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "list"
    house = core(chosen(tmp_path, erasure_log=str(elsewhere)))
    house.database.run_now(lambda tx: erasures.note(tx, "p_x", Why.OWN))
    assert await house.erasures.keep()
    house.database.close()
    assert b"p_x" in elsewhere.read_bytes()
