"""What every test shares: how hypothesis looks for counter-examples."""

from __future__ import annotations

from hypothesis import settings

# The same examples at every run, and no clock: slow is no counter-example. `make test-long` searches on.
settings.register_profile("usual", deadline=None, derandomize=True, database=None)
settings.register_profile("long", deadline=None, max_examples=2000, database=None)
settings.load_profile("usual")
