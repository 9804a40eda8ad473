"""`okaeri serve` without a pace of its own, for a local Slack that does not mind; settings as there."""

from __future__ import annotations

import asyncio
import signal

from bot.logs import set_up
from bot.serving import serve
from bot.settings import load


async def main() -> None:
    """Until it is told to stop."""
    stop, settings = asyncio.Event(), load()
    set_up(settings.log_level)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(settings, stop, pace=0.0)


if __name__ == "__main__":
    asyncio.run(main())
