"""What no browser of ours would send, what is far too much, and the headers under which every page leaves."""

from __future__ import annotations

import asyncio
import json
import random
import re
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.adapters.web_site import PAGES, POSTS, Raw, Site, cookie_of, site_in, stamp_of

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=b"
MEGA = 1024 * 1024


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with site_in(tmp_path) as made:
        yield made


class Insider:
    """Somebody signed in who sends what no page of ours offers."""

    def __init__(self, site: Site, cookie: str, stamp: str) -> None:
        self.site, self.cookies, self.stamp = site, {"okaeri": cookie}, stamp

    async def sends(self, path: str, body: object, kind: str = FORM) -> Raw:
        return await self.site.raw("POST", path, body, headers={"Content-Type": kind}, cookies=self.cookies)

    async def says(self, words: str) -> Raw:
        return await self.site.raw(
            "POST", "/alumni/say", {"stamp": self.stamp, "words": words}, cookies=self.cookies
        )

    async def acts(self, bound: str, **fields: str) -> Raw:
        sent = {"stamp": self.stamp, "bound": bound, **fields}
        return await self.site.raw("POST", "/alumni/act", sent, cookies=self.cookies)


async def insider(site: Site, *, hr: bool = False) -> Insider:
    browser = await site.signed_in(site.hr() if hr else site.member())
    return Insider(site, cookie_of(browser), stamp_of(browser))


def part(name: str, value: bytes, more: str = "") -> bytes:
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + value + b"\r\n"


BROKEN = [
    (FORM + "; charset=klingon", b"words=help"),
    (FORM, b"words=\xff\xfe"),
    (PARTS, b""),
    (PARTS, b"--b\r\n"),
    (PARTS, b"--b--\r\n"),
    (PARTS, b"words=help"),
    (PARTS, b"--b\r\nX: y\r\n\r\nz\r\n--b--\r\n"),
    (PARTS, part("words", b"help")),
    (PARTS, part("words", b"\xff\xfe") + b"--b--\r\n"),
    (PARTS, part("words", b"x", "\r\nContent-Type: text/plain; charset=klingon") + b"--b--\r\n"),
    (PARTS, part("words", b"x", "\r\nContent-Transfer-Encoding: base64") + b"--b--\r\n"),
    (PARTS, part("words", b"x", "\r\nContent-Transfer-Encoding: strange") + b"--b--\r\n"),
    (PARTS, part("words", b"x", "\r\nContent-Encoding: gzip") + b"--b--\r\n"),
    (PARTS, part("w", b"x", "\r\nContent-Type: multipart/mixed; boundary=c") + b"--b--\r\n"),
    (PARTS, part("words", b"x", "\r\nContent-Length: 999999999") + b"--b--\r\n"),
    (PARTS, part("words", b"x", "\r\nContent-Length: many") + b"--b--\r\n"),
    ("multipart/form-data", b"--b\r\n\r\n"),
    ("multipart/form-data; boundary=" + "b" * 200, b"--b\r\n\r\n"),
    ("multipart/form-data; boundary=\u00e9", b"--b\r\n\r\n"),
    ("application/json", b'{"words": "help"}'),
    ("text/plain", b"words=help"),
    ("nonsense", b"words=help"),
    ("", b"words=help"),
]


async def test_what_cannot_be_read_is_told_so(site: Site) -> None:
    readers = [await insider(site), await insider(site, hr=True)]
    before = site.rows()
    for kind, body in BROKEN:
        for path in POSTS:
            for who in readers:
                heard = await who.sends(path, body, kind)
                assert heard.status in (400, 403), (path, kind, body)
                assert "<h1>" in heard.text or heard.text.startswith("400"), (path, kind, body)
    assert site.rows() == before


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # aiohttp warns of a bad header and goes on
async def test_no_bytes_are_a_bug(site: Site) -> None:
    """A thousand pieces of rubbish: cut, doubled and shuffled parts of a good form."""
    who, chance = await insider(site), random.Random(7)
    good = (
        part("stamp", who.stamp.encode())
        + part("words", b"help", "\r\nContent-Type: text/plain")
        + b"--b--\r\n"
    )
    for _ in range(300):
        at, to = sorted(chance.sample(range(len(good)), 2))
        rubbish = bytes(chance.randrange(256) for _ in range(chance.randrange(6)))
        body = good[:at] + rubbish + good[to:] * chance.randrange(1, 3)
        heard = await who.sends("/alumni/say", body, PARTS)
        assert heard.status in (200, 400, 403), body


async def test_a_form_within_two_megabytes_is_too_large(site: Site) -> None:
    who = await insider(site)
    for path in (
        "/alumni/act",
        "/alumni/say",
        "/alumni/sign-out",
        site.path(site.member("田中"), "stop.mails"),
    ):
        heard = await who.sends(path, b"about=" + b"a" * 2 * MEGA)
        assert heard.status == 413, path
        assert "大きすぎます" in heard.text
        heard = await who.sends(path, part("about", b"a" * 2 * MEGA) + b"--b--\r\n", PARTS)
        assert heard.status == 413, path
    assert (await who.says("help")).status == 200


@pytest.mark.long
async def test_fifty_megabytes_are_not_taken(site: Site) -> None:
    """Announced, they are refused at once; in pieces, as soon as they are too many. Nothing is kept."""
    hr, member = await insider(site, hr=True), await insider(site)
    before, peak = site.rows(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for who in (hr, member):
        for announced in (True, False):
            status, words = await uploads_much(site, who, announced=announced)
            assert status in (0, 403, 413), status
            assert status != 413 or "大きすぎます" in words
    assert site.rows() == before
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024
    assert grown < 40, f"{grown:.0f} MB more"


async def uploads_much(site: Site, who: Insider, *, announced: bool) -> tuple[int, str]:
    """50 MB over a bare socket: the status and what was said, 0 when the connection was closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.world.ground.port)
    head = part("stamp", who.stamp.encode()) + part("file", b"", '; filename="a.csv"').removesuffix(b"\r\n")
    length = f"Content-Length: {len(head) + 50 * MEGA}" if announced else "Transfer-Encoding: chunked"
    lines = (
        "POST /alumni/desk HTTP/1.1", "Host: here", f"Cookie: okaeri={who.cookies['okaeri']}",
        f"Content-Type: {PARTS}", length, "Accept-Language: ja", "", "",
    )  # fmt: skip
    piece = b"a," * (MEGA // 2)
    try:
        writer.write("\r\n".join(lines).encode())
        for block in (head, *[piece] * 50):
            writer.write(block if announced else f"{len(block):x}\r\n".encode() + block + b"\r\n")
            await asyncio.wait_for(writer.drain(), 5)
            if reader._buffer:  # type: ignore[attr-defined]
                break
        said = (await asyncio.wait_for(reader.read(MEGA), 5)).decode()
    except (ConnectionError, TimeoutError):
        return 0, ""
    finally:
        writer.close()
    return int(said.split()[1]) if said else 0, said


async def test_thousands_of_fields_and_unknown_ones(site: Site) -> None:
    who = await insider(site)
    began = time.monotonic()
    many = "&".join(f"f{n}={n}" for n in range(20_000)).encode()
    for body in (many, b"a&" * 300_000, b"stamp=" + who.stamp.encode() + b"&words=help&" + many):
        assert (await who.sends("/alumni/say", body)).status in (200, 403, 413)
    sought = "&".join(f"seek.f{n}=a" for n in range(300)).encode()
    bound = json.dumps(["find.look", {}]).encode()
    heard = await who.sends(
        "/alumni/act", b"stamp=" + who.stamp.encode() + b"&sent=1&bound=" + bound + b"&" + sought
    )
    assert heard.status in (200, 413, 422)
    assert time.monotonic() - began < 5
    assert (await who.acts('["profile.edit",{}]', unknown="<script>", once="x")).status == 200


NESTED = "[" * 100_000
CLAIMS = [
    "", "null", "[]", "{}", NESTED, '["checkin.same"]', '["checkin.same",{}]',
    '["checkin.same",{"checkin":"1"}]', '["checkin.same",{"checkin":true}]',
    '["checkin.same",{"checkin":1e999}]', '["checkin.same",{"checkin":-1}]',
    '["checkin.same",{"checkin":99999999999999999999}]', '["checkin.same",{"checkin":1,"more":2}]',
    '["stop.mails",{"purpose":"\\ud800"}]', '["stop.mails",{"purpose":"\\u0000"}]', '["",{}]',
    '["__class__",{}]', '["privacy.see",{"table":"people; DROP TABLE people","page":1}]',
    '["privacy.see",{"table":"web_sessions","page":-9223372036854775808}]',
    '["privacy.see",{"table":"people","page":9223372036854775807}]', '["\\ud800",{}]',
]  # fmt: skip


async def test_no_claim_is_a_bug(site: Site) -> None:
    who = await insider(site)
    for claim in CLAIMS:
        heard = await who.acts(claim)
        assert heard.status in (200, 403), claim[:60]
        assert not incident(heard), claim[:60]


def incident(heard: Raw) -> bool:
    """Whether a code for support is shown, which only bugs have."""
    return re.search(r"\b[A-HJ-NP-Z2-9]{6}\b", heard.text.partition("<main")[2]) is not None


async def test_no_words_are_a_bug(site: Site) -> None:
    who = await insider(site)
    began = time.monotonic()
    long = "田中 " * 20_000
    for words in (
        "\x00", "find \x00", "find \ud83d", "find " + "a" * 500_000, f"find {long}", "\u202e", "*" * 5000,
        'find " OR NEAR(', "find ' OR 1=1 --", "privacy " * 1000,
    ):  # fmt: skip
        heard = await who.says(words)
        assert heard.status == 200, words[:20]
        assert not incident(heard), words[:20]
    assert time.monotonic() - began < 10


# --- headers ------------------------------------------------------------------------------------------


def guarded(headers: dict[str, str], what: str = "") -> None:
    """What every answer of ours has."""
    assert "Content-Security-Policy" in headers, what
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    for part_of in ("form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"):
        assert part_of in policy
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


async def test_every_answer_is_guarded(site: Site) -> None:
    person = site.member()
    who, hr = await insider(site, hr=False), await insider(site, hr=True)
    links = [site.entrance(person), site.path(person, "profile.edit"), "/alumni/do/x", "/alumni/enter/x"]
    links += ["/alumni/download/x"]
    for path in (*PAGES, *links, "/alumni/nothing", "/alumni/act"):
        for cookies in ({}, who.cookies, hr.cookies):
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE"):
                heard = await site.raw(method, path, cookies=cookies)
                assert heard.status < 500, (method, path)
                guarded(dict(heard.headers), f"{method} {path} {heard.status}")
                kept = "max-age=3600" if path.endswith(".css") and heard.status == 200 else "no-store"
                assert heard.headers["Cache-Control"] == kept, (method, path)
    for path in POSTS:
        guarded(dict((await who.sends(path, b"a" * 30 * MEGA)).headers))


async def test_nobody_is_sent_elsewhere(site: Site) -> None:
    """No parameter and no header moves where an answer leads."""
    person = site.member()
    asked = "?next=https://evil.example&url=//evil.example&return_to=https:evil.example"
    headers = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "gopher",
        "Referer": "https://evil.example",
    }
    for method, path in (
        ("GET", "/alumni/home"),
        ("POST", site.entrance(person)),
        ("POST", "/alumni/sign-out"),
    ):
        heard = await site.raw(method, f"{path}{asked}", headers=headers)
        assert heard.status == 303
        assert heard.headers["Location"] in ("/alumni", "/alumni/home")
    for path in (
        "//evil.example/alumni",
        "/alumni//evil.example",
        "/alumni/../../evil",
        "/alumni/%2f%2fevil.example",
    ):
        heard = await site.raw("GET", path, headers=headers)
        assert heard.status in (200, 400, 404), path
    front = await site.raw("GET", f"/alumni{asked}", headers=headers)
    assert "evil.example" not in front.text


async def test_under_https_the_cookie_is_bound_to_the_host(tmp_path: Path) -> None:
    """Source: RFC 6265bis, 4.1.3.2: `__Host-` needs Secure and Path=/ and no Domain."""
    async with site_in(tmp_path, base_url="https://alumni.minato.example") as site:
        heard = await site.raw("POST", site.entrance(site.member()))
        assert heard.status == 303
        cookie = heard.headers["Set-Cookie"]
        assert cookie.startswith("__Host-okaeri=")
        for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert flag in cookie.split("; ")
        assert "Domain" not in cookie
        assert heard.headers["Strict-Transport-Security"].startswith("max-age=")
        own = {"Origin": "https://alumni.minato.example"}
        assert (await site.raw("POST", "/alumni/sign-out", headers=own)).status == 303
        for other in ("http://alumni.minato.example", "https://alumni.minato.example:8443"):
            heard = await site.raw("POST", "/alumni/sign-out", headers={"Origin": other})
            assert heard.status == 403
