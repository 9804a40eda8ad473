"""The app package: what an administrator uploads to Teams. The same settings give the same bytes."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from adapters.teams.icons import colour_icon, outline_icon
from adapters.teams.manifest import COLOUR, COLOUR_FILE, OUTLINE_FILE, App, manifest, others, translation
from adapters.teams.manifest_rules import problems
from bot.brand import Brand
from bot.errors import ConfigError
from bot.registry import Registry
from bot.texts import Texts

_THE_FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can name
_READABLE = 0o100644 << 16


def package(app: App, registry: Registry, texts: Texts, brand: Brand) -> bytes:
    """The zip: the manifest, a file for each other language, two icons; all at the root.

    Raises `ConfigError` with everything that Teams would refuse.
    """
    paper = manifest(app, registry, texts, brand)
    languages = {
        f"{other}.json": translation(paper, manifest(replace(app, locale=other), registry, texts, brand))
        for other in others(app)
    }
    if wrong := problems(paper, languages):
        raise ConfigError(wrong)
    files = {name: _json(one) for name, one in {"manifest.json": paper, **languages}.items()}
    return _zipped(files | {COLOUR_FILE: colour_icon(COLOUR), OUTLINE_FILE: outline_icon()})


def _json(paper: Mapping[str, Any]) -> bytes:
    return json.dumps(paper, ensure_ascii=False, indent=2).encode() + b"\n"


def _zipped(files: Mapping[str, bytes]) -> bytes:
    """Without the time, the owner and the system of this machine."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _THE_FIRST_DAY)
            entry.create_system, entry.external_attr, entry.compress_type = 3, _READABLE, zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return made.getvalue()
