"""The project's own files, read once, as text and as syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("bot", "adapters", "storage", "jobs")
MADE = {".git", ".venv", "var", "build", "dist", "__pycache__"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file; `path` is written from the root of the project with `/`."""

    path: str
    text: str
    tree: ast.Module

    @classmethod
    def of(cls, text: str, path: str = "bot/sample.py") -> Source:
        """A source from words: how the rules themselves are tried."""
        return cls(path, text, ast.parse(text))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Every node of the tree: walked once for all rules."""
        return list(ast.walk(self.tree))

    def functions(self) -> Iterator[Function]:
        """Every function and method, inner ones too."""
        return (node for node in self.nodes if isinstance(node, Function))

    def docstrings(self) -> set[ast.Constant]:
        """The strings that stand alone: docstrings of modules, classes, functions and attributes."""
        return {
            node.value
            for node in self.nodes
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }

    def strings(self) -> Iterator[ast.Constant]:
        """Every string of the code that is no docstring; parts of f-strings count."""
        apart = self.docstrings()
        for node in self.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in apart:
                yield node


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """The Python files below the folders (default: the four rooms)."""
    return tuple(source for folder in folders or ROOMS for source in _below(folder))


@cache
def _below(folder: str) -> tuple[Source, ...]:
    paths = sorted((ROOT / folder).rglob("*.py"))
    return tuple(Source.of(path.read_text("utf-8"), name(path)) for path in paths)


@cache
def texts() -> dict[str, str]:
    """Every text file of the project by its path; what was made at run time is left out."""
    found = {}
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        if path.is_file() and not MADE.intersection(parts) and not _is_cache(parts[0]):
            content = path.read_bytes()
            if b"\0" not in content:
                found[name(path)] = content.decode("utf-8", "replace")
    return found


def name(path: Path) -> str:
    """A path as it is written in messages."""
    return path.relative_to(ROOT).as_posix()


def body_lines(function: Function) -> int:
    """How many lines a function has, from its `def` on and without its docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def _is_cache(folder: str) -> bool:
    return folder.startswith(".") and (folder.endswith("_cache") or folder == ".hypothesis")
