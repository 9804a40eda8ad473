"""The desk: an empty database for each test; and which run of the tests the figures are of."""

import pytest

from tests.desk import desk
from tests.faults import figures

__all__ = ["desk"]


def pytest_configure(config: pytest.Config) -> None:
    """The processes of one run share its name."""
    if run := getattr(config, "workerinput", {}).get("testrunuid"):
        figures.begin(run)
