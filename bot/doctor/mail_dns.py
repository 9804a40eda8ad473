"""What the domain of our mails says of itself: SPF, DKIM and DMARC, as far as DNS tells.

Source: RFC 7208, 6376, 7489; large mailbox providers refuse or hide mail without them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import parseaddr

import aiodns

from bot.conversation import t
from bot.doctor.finding import Finding
from bot.settings import Settings

PATIENCE = 5.0
_NOTHING = {aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA}


@dataclass(frozen=True, slots=True)
class Servers:
    """Which name servers are asked: the machine's own, unless told (`127.0.0.1` and a port)."""

    addresses: Sequence[str] = ()
    port: int = 53


class _Silent(Exception):
    """No name server answered."""


@dataclass(slots=True)
class _Names:
    servers: Servers
    resolver: aiodns.DNSResolver = field(init=False)

    def __post_init__(self) -> None:
        port = self.servers.port
        self.resolver = aiodns.DNSResolver(
            self.servers.addresses or None, timeout=PATIENCE, tries=1, udp_port=port, tcp_port=port
        )

    async def texts(self, name: str, begins: str) -> list[str]:
        """The TXT records of a name that begin so. Raises `_Silent`."""
        try:
            answer = await self.resolver.query_dns(name, "TXT")
        except aiodns.error.DNSError as refused:
            if refused.args[0] in _NOTHING:
                return []
            raise _Silent from refused
        found = (getattr(record.data, "data", b"") for record in answer.answer)
        texts = (data.decode(errors="replace") if isinstance(data, bytes) else str(data) for data in found)
        return [text for text in texts if text.lower().startswith(begins)]


async def look(settings: Settings, servers: Servers = Servers()) -> list[Finding]:
    """One finding each; nothing when no sender is set (that is told elsewhere)."""
    domain = parseaddr(settings.mail_from)[1].rpartition("@")[2]
    if not domain:
        return []
    names = _Names(servers)
    try:
        return [
            await _spf(names, domain),
            await _dkim(names, domain, settings.dkim_selector),
            await _dmarc(names, domain),
        ]
    except _Silent:
        return [Finding("mail domain", None, t("doctor.dns_silent", domain=domain))]
    finally:
        await names.resolver.close()


async def _spf(names: _Names, domain: str) -> Finding:
    found = await names.texts(domain, "v=spf1")
    if len(found) != 1:
        key = "doctor.spf_missing" if not found else "doctor.spf_twice"
        return Finding("SPF", False, t(key, domain=domain))
    if found[0].rstrip().endswith("+all"):
        return Finding("SPF", False, t("doctor.spf_open", domain=domain))
    return Finding("SPF", True, t("doctor.spf_there", domain=domain))


async def _dkim(names: _Names, domain: str, selector: str) -> Finding:
    if not selector:
        return Finding("DKIM", None, t("doctor.dkim_unknown"))
    place = f"{selector}._domainkey.{domain}"
    found = [text for text in await names.texts(place, "") if "p=" in text]
    if not found:
        return Finding("DKIM", False, t("doctor.dkim_missing", place=place))
    if any(part.strip() == "p=" for text in found for part in text.split(";")):
        return Finding("DKIM", False, t("doctor.dkim_revoked", place=place))
    return Finding("DKIM", True, t("doctor.dkim_there", place=place))


async def _dmarc(names: _Names, domain: str) -> Finding:
    """The policy of the domain, or of a domain above it (RFC 7489, 6.6.3, without the public suffix list)."""
    above = [domain, *(domain.split(".", at)[at] for at in range(1, domain.count(".")))]
    for place in above:
        found = await names.texts(f"_dmarc.{place}", "v=dmarc1")
        if found:
            mild = "p=none" in found[0].replace(" ", "").lower().split("sp=")[0]
            key = "doctor.dmarc_watches" if mild else "doctor.dmarc_there"
            return Finding("DMARC", None if mild else True, t(key, domain=place))
    return Finding("DMARC", False, t("doctor.dmarc_missing", domain=domain))
