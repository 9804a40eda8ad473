"""The desk: an empty database for each test."""

from tests.desk import desk, desk_in_file, desk_on_server, lasting_desk, tx

__all__ = ["desk", "desk_in_file", "desk_on_server", "lasting_desk", "tx"]
