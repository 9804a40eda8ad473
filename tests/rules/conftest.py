"""The desk: a copy of an empty database for each test."""

from tests.desk import desk, template, tx

__all__ = ["desk", "template", "tx"]
