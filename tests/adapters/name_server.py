"""A name server over UDP on loopback with a zone of our own: the other side of the wire of the doctor."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import cast

from bot.doctor.mail_dns import Servers

Zone = Mapping[str, Sequence[str]]


class _NameServer(asyncio.DatagramProtocol):
    """Answers TXT questions; NXDOMAIN for every name it does not know."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        labels, at = [], 12
        while size := data[at]:
            labels.append(data[at + 1 : at + 1 + size].decode())
            at += size + 1
        question = data[12 : at + 5]
        texts = self.zone.get(".".join(labels).lower())
        flags = 0x8180 if texts else 0x8183
        head = data[:2] + struct.pack(">HHHHH", flags, 1, len(texts or ()), 0, 0)
        self.transport.sendto(head + question + b"".join(map(_record, texts or ())), addr)


def _record(text: str) -> bytes:
    said = text.encode()
    pieces = b"".join(bytes([len(p)]) + p for p in (said[i : i + 255] for i in range(0, len(said), 255)))
    return struct.pack(">HHHIH", 0xC00C, 16, 1, 60, len(pieces)) + pieces


@asynccontextmanager
async def name_server(zone: Zone) -> AsyncIterator[Servers]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _NameServer(zone), local_addr=("127.0.0.1", 0))
    try:
        yield Servers(("127.0.0.1",), transport.get_extra_info("sockname")[1])
    finally:
        transport.close()
