"""What every test shares: the story world, and how hypothesis looks for counter-examples."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.world import World, world_in

# The same examples at every run, and no clock: slow is no counter-example. `make test-long` searches on.
settings.register_profile("usual", deadline=None, derandomize=True, database=None)
settings.register_profile("long", deadline=None, max_examples=2000, database=None)
settings.load_profile("usual")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A company on 2 February 2026, 9:00 in Tokyo."""
    async with world_in(tmp_path) as made:
        yield made


@pytest.fixture
async def world_in_file(tmp_path: Path) -> AsyncIterator[World]:
    """The same on SQLite in any case: for what is about the file."""
    async with world_in(tmp_path, in_file=True) as made:
        yield made
