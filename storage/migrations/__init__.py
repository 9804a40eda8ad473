"""One Alembic history for every database; run by `okaeri migrate` and before `serve` and `playground`."""
