"""`okaeri serve`: the house on its sockets until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import sys

import structlog

from adapters.http import Application, Server, metrics_page
from bot.app import Unclosed, running
from bot.errors import ConfigError
from bot.settings import Settings
from storage.engine import on_server

log = structlog.get_logger()
GRACE = 5.0


async def serve(settings: Settings, stop: asyncio.Event, pace: float = 1.0) -> None:
    """Listen, watch the clock, and on `stop` go quietly: not ready, drained, closed. Exits with 1 when
    something did not come to its end.

    `pace` is that of `running`.
    """
    try:
        await _serve(settings, stop, pace)
    except Unclosed:
        sys.exit(1)


async def _serve(settings: Settings, stop: asyncio.Event, pace: float) -> None:
    server = Server()
    async with running(settings, pace=pace) as app:
        await _listen(server, app.web, settings.host, settings.port)
        if settings.metrics_bind:
            host, _, port = settings.metrics_bind.rpartition(":")
            await _listen(server, metrics_page(app.metrics), host, int(port))
        tune()
        app.start()
        log.info("ready", port=settings.port, sides=[side.value for side in settings.sides()])
        await stop.wait()
        log.info("stopping")
        resting = asyncio.create_task(app.rest())
        await asyncio.sleep(_grace(settings))
        await server.close()
        await resting


def _grace(settings: Settings) -> float:
    """How many seconds after the signal somebody may still come: on a server a load balancer has to see first
    that we are not ready, and others carry what is begun meanwhile; with a file nobody else is there."""
    return float(settings.stop_grace or (GRACE if on_server(settings.database_url) else 0.0))


def tune() -> None:
    """Make the interpreter fit for serving. What is there by now stays, so it is not looked through again and
    again (up to 100 ms, in which nobody is answered); and threads hand over to each other within a
    millisecond instead of five (measured: a sixth of the time of a delivery on a server)."""
    gc.freeze()
    sys.setswitchinterval(0.001)


async def _listen(server: Server, app: Application, host: str, port: int) -> None:
    try:
        await server.listen(app, host, port)
    except OSError as taken:
        raise ConfigError(
            [f"OKAERI_HOST/OKAERI_PORT: {host}:{port} cannot be used ({taken.strerror})"]
        ) from None
