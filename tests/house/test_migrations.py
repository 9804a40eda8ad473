"""From 0011 on a migration only adds: while processes are replaced one by one, the release before runs on the
new schema (`tests/compat`). What is taken away goes a release later, and is named here.

A change of a table waits until nobody uses it, so a migration takes them in the order of the traffic: who
takes them crosswise to it meets it, and one of the two has to begin again."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "storage" / "migrations" / "versions"
SINCE = "0011"
ADDS = {"add_column", "create_index", "create_table", "f"}
IN_ORDER_SINCE, TRAFFIC = "0012", ("accounts", "outbox")
"""Everybody who comes is known by an account before anything is queued."""
CONTRACTS: dict[str, str] = {}
"""Migrations that take away what no running release uses any more: the release that stopped using it."""


def takes_away(source: str) -> Iterator[str]:
    """What `upgrade` does that a release which does not know of it could trip over."""
    for call in (node for node in ast.walk(_upgrade(source)) if isinstance(node, ast.Call)):
        words = ast.unparse(call.func)
        if words.startswith("op.") and words.removeprefix("op.") not in ADDS:
            yield words
        if words == "op.add_column":
            given = {
                word.arg: ast.unparse(word.value) for word in ast.walk(call) if isinstance(word, ast.keyword)
            }
            if given.get("nullable", "True") != "True" and "server_default" not in given:
                yield "a column that an older release does not fill"


def _upgrade(source: str) -> ast.FunctionDef:
    functions = (node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef))
    (upgrade,) = (one for one in functions if one.name == "upgrade")
    return upgrade


@pytest.mark.parametrize(
    "path", sorted(p for p in FOLDER.glob("0*.py") if p.name >= SINCE), ids=lambda p: p.stem
)
def test_a_migration_only_adds(path: Path) -> None:
    if path.stem not in CONTRACTS:
        assert list(takes_away(path.read_text("utf-8"))) == []


def crosswise(source: str) -> list[str]:
    """The tables of the traffic in the order in which a migration takes them, where that is another one."""
    calls = [node for node in ast.walk(_upgrade(source)) if isinstance(node, ast.Call)]
    taken = [
        node.value
        for call in sorted(calls, key=lambda call: call.lineno)
        if ast.unparse(call.func).startswith("op.")
        for node in call.args
        if isinstance(node, ast.Constant) and node.value in TRAFFIC
    ]
    return taken if taken != sorted(taken, key=TRAFFIC.index) else []


def test_a_migration_takes_tables_in_the_order_of_the_traffic() -> None:
    found = {p.stem: crosswise(p.read_text("utf-8")) for p in FOLDER.glob("0*.py")}
    assert {name: taken for name, taken in found.items() if taken and name >= IN_ORDER_SINCE} == {}
    assert found["0011_queues"] == ["outbox", "outbox", "accounts"], "which is why"


def test_what_is_looked_for_is_found() -> None:
    upgrade = "def upgrade():\n    op.{}\n"
    for wrong in (
        "drop_column('outbox', 'kind')",
        "alter_column('outbox', 'kind', nullable=False)",
        "execute('DELETE FROM outbox')",
        "add_column('outbox', sa.Column('x', sa.Boolean(), nullable=False))",
    ):
        assert list(takes_away(upgrade.format(wrong))), wrong
