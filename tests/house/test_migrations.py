"""From 0011 on a migration only adds: while processes are replaced one by one, the release before runs on the
new schema (`tests/compat`). What is taken away goes a release later, and is named here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "storage" / "migrations" / "versions"
SINCE = "0011"
ADDS = {"add_column", "create_index", "create_table", "f"}
CONTRACTS: dict[str, str] = {}
"""Migrations that take away what no running release uses any more: the release that stopped using it."""


def takes_away(source: str) -> Iterator[str]:
    """What `upgrade` does that a release which does not know of it could trip over."""
    module = ast.parse(source)
    (upgrade,) = (n for n in module.body if isinstance(n, ast.FunctionDef) and n.name == "upgrade")
    for call in (node for node in ast.walk(upgrade) if isinstance(node, ast.Call)):
        words = ast.unparse(call.func)
        if words.startswith("op.") and words.removeprefix("op.") not in ADDS:
            yield words
        if words == "op.add_column":
            given = {
                word.arg: ast.unparse(word.value) for word in ast.walk(call) if isinstance(word, ast.keyword)
            }
            if given.get("nullable", "True") != "True" and "server_default" not in given:
                yield "a column that an older release does not fill"


@pytest.mark.parametrize(
    "path", sorted(p for p in FOLDER.glob("0*.py") if p.name >= SINCE), ids=lambda p: p.stem
)
def test_a_migration_only_adds(path: Path) -> None:
    if path.stem not in CONTRACTS:
        assert list(takes_away(path.read_text("utf-8"))) == []


def test_what_is_looked_for_is_found() -> None:
    upgrade = "def upgrade():\n    op.{}\n"
    for wrong in (
        "drop_column('outbox', 'kind')",
        "alter_column('outbox', 'kind', nullable=False)",
        "execute('DELETE FROM outbox')",
        "add_column('outbox', sa.Column('x', sa.Boolean(), nullable=False))",
    ):
        assert list(takes_away(upgrade.format(wrong))), wrong
