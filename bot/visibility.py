"""Which fields of a person an audience may see. Pure, and asked by storage itself.

Source: 個人情報保護法 27条 (giving data to third parties needs prior consent) and GDPR art. 6/7:
a field is shown to other alumni only when its owner shows it. Default: nothing but the name, and that
only once the person agreed to be listed.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from functools import lru_cache


class Audience(StrEnum):
    """Who looks."""

    ALUMNI = "alumni"
    HR = "hr"
    SELF = "self"


NAME = "name"
CHOOSABLE = ("kana", "former_name", "employer", "position", "skills", "department", "place", "about")
"""Fields whose showing the owner decides, in the order in which a profile is read."""

COMPANY_KNOWS = frozenset({NAME, "kana", "former_name", "department"})
"""What HR brought in itself and therefore sees anyway."""


def visible(audience: Audience, shown: Collection[str], *, listed: bool) -> frozenset[str]:
    """The fields an audience sees of somebody who shows `shown`.

    Other alumni see nobody who is not listed. HR sees what the company knew before, and the profile: its
    owner is told so beside the form. Owners see everything.
    """
    return _visible(audience, tuple(shown), listed)


@lru_cache(maxsize=1024)
def _visible(audience: Audience, shown: tuple[str, ...], listed: bool) -> frozenset[str]:
    if audience is Audience.ALUMNI:
        return frozenset({NAME, *(field for field in CHOOSABLE if field in shown)}) if listed else frozenset()
    if audience is Audience.HR and not listed:
        return COMPANY_KNOWS
    return frozenset({NAME, *CHOOSABLE})


def veiled(email: str) -> str:
    """An address that its owner knows again and that tells nobody else enough: `a…@example.jp`."""
    local, _, domain = email.partition("@")
    return f"{local[:1]}…@{domain}"
