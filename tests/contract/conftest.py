"""Clauses of a contract lie in files of their own: their asserts explain themselves too."""

import pytest

pytest.register_assert_rewrite("tests.contract.door")
