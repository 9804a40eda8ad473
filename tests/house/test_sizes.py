"""Files, functions and parameter lists stay small enough to read at one go (docs/house.md)."""

from __future__ import annotations

import ast
from statistics import median

from tests.house.source import Function, Source, body_lines, sources

FILE_LINES = 400
FUNCTION_LINES = 40
MEDIAN_LINES = 9
PARAMETERS = 5


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {
        source.path: source.text.count("\n")
        for source in sources("bot", "adapters", "storage", "jobs", "tests")
        if not source.path.startswith("storage/migrations/")
    }
    assert not {path: lines for path, lines in lengths.items() if lines > FILE_LINES}


def test_no_function_is_longer_than_40_lines() -> None:
    long = {
        f"{source.path}:{function.lineno} {function.name}": body_lines(function)
        for source in sources()
        for function in source.functions()
        if body_lines(function) > FUNCTION_LINES and not source.path.startswith("storage/migrations/")
    }
    assert not long


def test_the_usual_function_has_at_most_9_lines() -> None:
    assert (
        median(body_lines(function) for source in sources() for function in source.functions())
        <= MEDIAN_LINES
    )


def test_no_function_takes_more_than_5_parameters() -> None:
    many = {
        f"{source.path}:{function.lineno} {function.name}": parameters(function)
        for source in sources()
        for function in source.functions()
        if parameters(function) > PARAMETERS
    }
    assert not many


def test_what_is_counted() -> None:
    source = Source.of('def f(self, a, /, b, *c, d=1, **e):\n    """Two\n    lines."""\n    return a\n')
    function = next(source.functions())
    assert (parameters(function), body_lines(function)) == (3, 2)


def parameters(function: Function) -> int:
    """How many parameters a caller may have to think of: without self and cls, `*args` and `**kwargs`."""
    named: list[ast.arg] = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return sum(argument.arg not in {"self", "cls"} for argument in named)
