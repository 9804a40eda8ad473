"""Offering a file: a link of our own pages under which it can be fetched once. No file goes into a chat."""

from __future__ import annotations

from bot.conversation import Bound, Link
from bot.errors import Refusal
from bot.registry import Context
from storage import downloads


def link(ctx: Context, bound: Bound) -> Link:
    """A link for the actor, good once and for 15 minutes; `bound` comes of calling a registered download.

    Whoever offers one writes (not `reads=True`). Whether the actor may is asked again when the file is
    fetched. Raises `Refusal` while the house has no pages, `BadUsage` for what is no download.
    """
    if not ctx.policy.base_url:
        raise Refusal("common.no_pages")
    args = ctx.registry.download(bound.action).check(bound)
    token = downloads.offer(ctx.tx, ctx.actor, bound.action, args)
    return Link(f"{ctx.policy.base_url}/alumni/download/{token}")
