"""Whatever happens in whichever order, the promises to a leaver hold."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.rules.leaving_life import Life


def live(lives: int, steps: int) -> None:
    run_state_machine_as_test(Life, settings=settings(max_examples=lives, stateful_step_count=steps))  # type: ignore[no-untyped-call]


def test_some_lives_of_a_leaver() -> None:
    live(lives=8, steps=20)


@pytest.mark.long
def test_many_long_lives_of_a_leaver() -> None:
    live(lives=150, steps=40)
