"""The desk: an empty database for each test; an empty drop folder."""

from tests.desk import desk, desk_in_file, desk_on_server, lasting_desk, tx
from tests.jobs.dropping import folder, refused

__all__ = ["desk", "desk_in_file", "desk_on_server", "folder", "lasting_desk", "refused", "tx"]
