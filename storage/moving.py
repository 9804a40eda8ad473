"""From the embedded database onto a server: everything or nothing, and never two that are both true.

The house must be stopped. The file is marked before the server's transaction stands, and opens no house from
then on; until it stands the server holds nothing. Whoever is killed in between moves once more.
"""

from __future__ import annotations
