"""Log lines as JSON, without personal data: keys that could hold any are dropped, whoever logs them."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

PRIVATE = frozenset(
    {"email", "name", "token", "text", "body", "payload", "address", "code_entered", "mail", "to"}
)


def _private(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {key: value for key, value in event.items() if key not in PRIVATE}


def _trace(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Where a bug happened, without its message: messages of databases and libraries quote values."""
    bug = event.pop("exc_info", None)
    if isinstance(bug, BaseException):
        frames = []
        trace = bug.__traceback__
        while trace is not None:
            code = trace.tb_frame.f_code
            frames.append(f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno} {code.co_name}")
            trace = trace.tb_next
        event["trace"] = frames
    return event


def set_up(level: str) -> None:
    """Send everything to standard error. Bolt and the Slack client stay quiet: they log bodies at INFO and
    DEBUG."""
    number = logging.getLevelNamesMapping()[level]
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s", force=True
    )
    for noisy in ("okaeri.bolt", "slack_bolt", "slack_sdk", "apscheduler", "aiohttp", "mail.log", "alembic"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    # What is no HTTP at all is quoted in a traceback, whoever sent it; all bugs of ours are caught before.
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            _private,
            _trace,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
