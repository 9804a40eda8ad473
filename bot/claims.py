"""The arguments of actions and downloads: bound here, and a claim of the client when they come back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

from bot.conversation import Bound, Scalar
from bot.errors import BadUsage

_LARGEST = 2**63 - 1
"""What a database takes as a number."""
Takes = Mapping[str, type]
"""The arguments something takes: name -> exact type, in their order."""


def taken(run: Callable[..., object], skip: int) -> Takes:
    """What a function takes of a claim; its first `skip` parameters are dispatch's to give."""
    hints = get_type_hints(run)
    return {name: hints[name] for name in list(inspect.signature(run).parameters)[skip:]}


def bind(takes: Takes, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[str, Scalar], ...]:
    """Arguments by name. Raises `KeyError` or `ValueError` when one is missing or extra."""
    if kwargs:
        values = dict(zip(takes, args, strict=False)) | dict(kwargs)
        args = tuple(values[name] for name in takes)
    return tuple(zip(takes, args, strict=True))


def check(takes: Takes, bound: Bound) -> dict[str, Scalar]:
    """The arguments of a claim. Raises `BadUsage` when one is missing, extra, of another type or no number of
    a row."""
    given = bound.arguments()
    if any(type(value) is int and abs(value) > _LARGEST for value in given.values()):
        raise BadUsage("common.outdated")
    if given.keys() != takes.keys() or any(type(given[name]) is not kind for name, kind in takes.items()):
        raise BadUsage("common.outdated")
    return given
