"""Asks a page in a browser whether everybody can use it; what is asked stands in `access.js`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.async_api import Page

CHECKS = Path(__file__).with_suffix(".js").read_text("utf-8").strip()


async def _asked(page: Page, check: str, *given: Any) -> Any:
    return await page.evaluate(f"{CHECKS}.{check}", *given)


async def shape(page: Page, language: str) -> list[str]:
    """What is wrong with language, headings, labels, errors and names."""
    return list(await _asked(page, "shape", language))


async def sight(page: Page) -> list[str]:
    """What is hard to see or to hit at this size and in this colour scheme."""
    return [*await _asked(page, "contrast"), *await _asked(page, "room")]


async def printed(page: Page) -> list[str]:
    """What paper shows although nobody can press it there."""
    await page.emulate_media(media="print")
    found = list(await _asked(page, "printed"))
    await page.emulate_media(media="screen")
    return found


async def walk(page: Page) -> list[str]:
    """With the tab key alone: what is left out, out of order, or without a visible mark."""
    stops: list[str] = await _asked(page, "stops")
    await page.evaluate("() => { document.activeElement?.blur(); getSelection().removeAllRanges(); }")
    wrong: list[str] = []
    reached: list[int] = []
    for _ in range(len(stops) * 4):
        await page.keyboard.press("Tab")
        stop, seen = await _asked(page, "here")
        if stop == "":
            break
        wrong += [] if seen else [f"no visible focus: {stops[int(stop)]}"]
        reached += [] if reached[-1:] == [int(stop)] else [int(stop)]
    if reached != list(range(len(stops))):
        wrong.append(f"the tab key goes {reached} of {stops}")
    return wrong
