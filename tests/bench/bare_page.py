"""The limit: an aiohttp app that draws the same page with Jinja2, from values it knows by heart.

`python -m tests.bench.bare_page PORT`. The same templates, so the same bytes, ten people; but no session, no
database, no look-up, no rules, and nothing to be put into words.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aiohttp import web
from jinja2 import Environment, FileSystemLoader

from adapters import web as pages
from bot.brand import Brand

TEMPLATES = Path(pages.__file__).parent / "templates"
HIDDEN = {"stamp": "0" * 32, "once": "1" * 24, "bound": '["find.show",{"person":"p_0123456789abcdef"}]'}
BUTTON = {"text": "詳しく", "style": "plain", "post": "/alumni/act", "hidden": HIDDEN}
BLOCKS = [
    {
        "kind": "entry", "words": [{"text": f"佐藤 {number}郎"}],
        "detail": [{"text": "青空ロジ株式会社 · 課長 · 営業部 · 福岡"}],
        "button": BUTTON | {"about": f"佐藤 {number}郎"},
    }
    for number in range(10)
]  # fmt: skip
VALUES = {
    "locale": "ja", "brand": Brand("みなとアルムナイ", "株式会社みなと", "人事部", "hr@minato.example.jp"),
    "title": [{"text": "「佐藤」の検索結果"}],
    "plain_title": "「佐藤」の検索結果", "line": "みなとアルムナイ",
    "say": lambda key: "本文へ移る", "terms": "", "blocks": BLOCKS,
    "nav": [{"text": "ホーム", "to": "/alumni/home"}, BUTTON | {"text": "使い方"}, BUTTON | {"text": "出る"}],
}  # fmt: skip


def application() -> web.Application:
    """The page under the path that ours uses."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("card.html")

    async def show(request: web.Request) -> web.Response:
        await request.post()
        return web.Response(text=page.render(VALUES), content_type="text/html")

    async def ready(request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    app = web.Application()
    app.router.add_post("/alumni/say", show)
    app.router.add_get("/readyz", ready)
    return app


if __name__ == "__main__":
    web.run_app(application(), host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
