"""The two icons of the app package, drawn here: a house with its door, for who comes back.

Source: platform-facts T9: colour 192×192 in full, outline 32×32 in white on nothing.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise

Point = tuple[float, float]
Pixel = tuple[int, int, int, int]
WHITE = (255, 255, 255)
COLOUR_SIZE, OUTLINE_SIZE = 192, 32
_SAFE = 104  # of the colour icon: Teams rounds its corners off, and asks for 120 px at most
_ROOF: tuple[Point, ...] = ((0.04, 0.52), (0.5, 0.1), (0.96, 0.52))
_WALLS: tuple[Point, ...] = ((0.18, 0.4), (0.18, 0.92), (0.82, 0.92), (0.82, 0.4))
_DOOR: tuple[Point, ...] = ((0.4, 0.92), (0.4, 0.62), (0.6, 0.62), (0.6, 0.92))
_WIDTH = 0.075


def colour_icon(background: str) -> bytes:
    """A PNG of 192×192, opaque: the house in white on `background` (`#rrggbb`)."""
    under = tuple(int(background[at : at + 2], 16) for at in (1, 3, 5))
    edge = (COLOUR_SIZE - _SAFE) // 2

    def at(x: int, y: int) -> Pixel:
        share = _covered(x - edge, y - edge, _SAFE)
        red, green, blue = (round(u + (w - u) * share) for u, w in zip(under, WHITE, strict=True))
        return red, green, blue, 255

    return _png(COLOUR_SIZE, at)


def outline_icon() -> bytes:
    """A PNG of 32×32: the house in white, and nothing around it."""
    return _png(OUTLINE_SIZE, lambda x, y: (*WHITE, round(255 * _covered(x, y, OUTLINE_SIZE))))


def _covered(x: int, y: int, size: int) -> float:
    """How much of a pixel the lines of the house cover, 0 to 1, when the house is `size` pixels wide."""
    middle = ((x + 0.5) / size, (y + 0.5) / size)
    if not (-0.1 < middle[0] < 1.1 and -0.1 < middle[1] < 1.1):
        return 0.0
    nearest = min(_distance(middle, start, end) for start, end in _lines())
    return min(1.0, max(0.0, 0.5 + (_WIDTH / 2 - nearest) * size))


def _lines() -> Iterator[tuple[Point, Point]]:
    for stroke in (_ROOF, _WALLS, _DOOR):
        yield from pairwise(stroke)


def _distance(point: Point, start: Point, end: Point) -> float:
    """From a point to the nearest one of a line's."""
    along = (end[0] - start[0], end[1] - start[1])
    way = (point[0] - start[0]) * along[0] + (point[1] - start[1]) * along[1]
    share = min(1.0, max(0.0, way / (along[0] ** 2 + along[1] ** 2)))
    return math.hypot(point[0] - start[0] - share * along[0], point[1] - start[1] - share * along[1])


def _png(size: int, at: Callable[[int, int], Pixel]) -> bytes:
    """Source: W3C PNG, third edition: 8 bits, colour type 6 (with alpha), every row without a filter."""
    rows = b"".join(b"\0" + b"".join(bytes(at(x, y)) for x in range(size)) for y in range(size))
    head = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
