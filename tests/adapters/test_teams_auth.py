"""Who may speak to the Teams door: every bad token, rotated keys, tenants, connectors, development."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm
from sqlalchemy import func, select
from structlog.testing import capture_logs

from adapters.http import Server
from adapters.playground.local_teams import Forgery
from adapters.teams import keys as teams_keys
from adapters.teams.auth import Gate, OpenGate, Refused
from adapters.teams.keys import Keys, KeysUnavailable
from adapters.teams.seats import Seat, Services
from adapters.teams.tokens import Tokens
from bot import logs
from bot.clock import Clock
from bot.conversation import Side
from bot.errors import Retry
from storage.inbox import Received
from tests.adapters.teams_street import APPS, TENANTS, Street, says, street_in
from tests.world import free_port

ALUMNI, COMPANY = Side.ALUMNI, Side.COMPANY
SEAT = Seat(ALUMNI, APPS[ALUMNI], "secret", TENANTS[ALUMNI])
SERVICE = "https://smba.trafficmanager.net/amer/"
ISSUER = "https://api.botframework.com"


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    async with street_in(tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65_537, key_size=2_048)


# --- through the door ----------------------------------------------------------------------------------


async def test_every_bad_token_is_refused_without_a_trace(
    street: Street, capfd: pytest.CaptureFixture[str]
) -> None:
    asker = street.alumnus("佐藤 健")
    assert (await says(street, asker, "help")).ok
    heard = street.reads(lambda tx: tx.scalar(select(func.count()).select_from(Received)))
    told = {how: (await street.teams.forges(asker, how)).status for how in Forgery}
    await street.quiet()
    from_elsewhere = {Forgery.FOREIGN_HOST, Forgery.TENANT}
    assert told == {how: 403 if how in from_elsewhere else 401 for how in Forgery}
    assert street.reads(lambda tx: tx.scalar(select(func.count()).select_from(Received))) == heard
    out, err = capfd.readouterr()
    assert "Traceback" not in out + err
    assert "hello" not in out + err
    assert (await says(street, asker, "help")).ok


async def test_a_rotated_key_is_found_by_itself(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    assert (await says(street, asker, "find 佐藤")).ok
    street.teams.keys.rotate(keep_old=False)
    assert all(one.ok for one in await asyncio.gather(*(street.teams.says(asker, "help") for _ in range(5))))
    assert len(street.teams.calls("keys")) == 2


async def test_a_flood_of_unknown_keys_is_not_passed_on(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    await says(street, asker, "help")
    told = [await street.teams.forges(asker, Forgery.UNKNOWN_KEY) for _ in range(20)]
    assert {one.status for one in told} == {401}
    assert len(street.teams.calls("keys")) == 2


async def test_without_keys_nobody_comes_in_and_nobody_is_called_a_liar(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    street.teams.faults.fail("metadata", 500)
    assert (await street.teams.says(asker, "help")).status == 503


async def test_a_token_for_one_bot_is_none_for_the_other_tenant(street: Street) -> None:
    asker = street.alumnus("佐藤 健")
    said = (await says(street, asker, "help")).activity
    assert (await street.teams.sends(APPS[COMPANY], {**said, "id": "2"})).status == 403
    place = {**said["conversation"], "tenantId": TENANTS[COMPANY]}
    assert (await street.teams.sends(APPS[ALUMNI], {**said, "id": "3", "conversation": place})).status == 403
    for data in ({}, None, {"tenant": None}, {"tenant": {"id": 7}}):
        activity = {**said, "id": "4", "channelData": data}
        assert (await street.teams.sends(APPS[ALUMNI], activity)).status == 403, data
    for channel in ("webchat", "emulator", None):
        activity = {**said, "id": "5", "channelId": channel}
        assert (await street.teams.sends(APPS[ALUMNI], activity)).status == 403, channel


# --- the gate itself -----------------------------------------------------------------------------------


@asynccontextmanager
async def key_server(rows: list[dict[str, Any]]) -> AsyncIterator[tuple[str, list[str]]]:
    """A tiny key server: its metadata address, and what it was asked."""
    asked, port, server = list[str](), free_port(), Server()
    base = f"http://127.0.0.1:{port}"

    async def metadata(request: web.Request) -> web.Response:
        asked.append("metadata")
        return web.json_response({"issuer": ISSUER, "jwks_uri": f"{base}/keys"})

    async def published(request: web.Request) -> web.Response:
        asked.append("keys")
        return web.json_response({"keys": rows})

    app = web.Application()
    app.router.add_get("/openid", metadata)
    app.router.add_get("/keys", published)
    await server.listen(app, "127.0.0.1", port)
    try:
        yield f"{base}/openid", asked
    finally:
        await server.close()


def row(key: RSAPrivateKey, kid: str, **more: Any) -> dict[str, Any]:
    return (
        RSAAlgorithm.to_jwk(key.public_key(), as_dict=True) | {"kid": kid, "endorsements": ["msteams"]} | more
    )


def header(key: RSAPrivateKey, kid: str = "k1", **changes: Any) -> dict[str, str]:
    at = int(Clock().wire())
    claims = {"iss": ISSUER, "aud": APPS[ALUMNI], "serviceurl": SERVICE, "nbf": at, "exp": at + 600} | changes
    token = jwt.encode({k: v for k, v in claims.items() if v is not None}, key, "RS256", headers={"kid": kid})
    return {"Authorization": f"Bearer {token}"}


def activity(**changes: Any) -> dict[str, Any]:
    return {
        "channelId": "msteams", "serviceUrl": SERVICE, "channelData": {"tenant": {"id": TENANTS[ALUMNI]}},
    } | changes  # fmt: skip


SERVICES = Services(("https://smba.trafficmanager.net", "https://*.botframework.com"))


async def verdict(gate: Gate | OpenGate, headers: Mapping[str, str], what: dict[str, Any]) -> int:
    """200, or with which status somebody is refused."""
    try:
        await gate.admit(headers, what)
    except Refused as refused:
        return int(refused.status)
    return 200


async def test_the_gate_knows_each_bad_token(key: RSAPrivateKey) -> None:
    at = int(Clock().wire())
    other = generate_private_key(public_exponent=65_537, key_size=2_048)
    rows = [row(key, "k1"), row(key, "skype", endorsements=["skype"]), {"kty": "EC", "kid": "ec"},
            {"kty": "RSA", "kid": "broken"}]  # fmt: skip
    wrong: list[tuple[Mapping[str, str], dict[str, Any], int]] = [
        (header(key), activity(), 200),
        (header(key, exp=at - 200), activity(), 200),
        (header(key, exp=at - 400), activity(), 401),
        (header(key, nbf=at + 200), activity(), 200),
        (header(key, nbf=at + 400), activity(), 401),
        (header(key, exp=None), activity(), 401),
        (header(key, exp="soon"), activity(), 401),
        (header(key, iss="x"), activity(), 401),
        (header(key, aud=None), activity(), 401),
        (header(key, aud=""), activity(), 401),
        (header(key, aud=[APPS[ALUMNI]]), activity(), 401),
        (header(key, aud=APPS[ALUMNI].upper()), activity(), 200),
        (header(key, serviceurl=None), activity(), 401),
        (header(key, serviceurl=None), activity(serviceUrl=None), 403),
        (header(key, "k2"), activity(), 401),
        (header(key, "skype"), activity(), 401),
        (header(key, "ec"), activity(), 401),
        (header(key, "broken"), activity(), 401),
        (header(other), activity(), 401),
        ({}, activity(), 401),
        ({"Authorization": ""}, activity(), 401),
        ({"Authorization": "Bearer"}, activity(), 401),
        ({"Authorization": "Bearer "}, activity(), 401),
        ({"Authorization": "Bearer a.b.c"}, activity(), 401),
        ({"Authorization": "Bearer " + "é" * 40}, activity(), 401),
        ({"Authorization": "Bearer \udcff"}, activity(), 401),
        ({"Authorization": header(key)["Authorization"].removeprefix("Bearer ")}, activity(), 401),
        ({"Authorization": header(key)["Authorization"].replace("Bearer", "Basic")}, activity(), 401),
        ({"Authorization": header(key)["Authorization"] + " x"}, activity(), 401),
        (header(key), activity(serviceUrl="https://smba.trafficmanager.net/emea/"), 401),
        (header(key), activity(channelData={"tenant": {"id": TENANTS[COMPANY]}}), 403),
        (header(key, serviceurl="https://evil.example/"), activity(serviceUrl="https://evil.example/"), 403),
    ]
    async with key_server(rows) as (url, _), aiohttp.ClientSession() as http:
        gate = Gate((SEAT,), Keys(http, url, Clock().wire), SERVICES)
        for number, (headers, what, status) in enumerate(wrong):
            assert await verdict(gate, headers, what) == status, number


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://smba.trafficmanager.net/jp/", True),
        ("https://SMBA.trafficmanager.net/jp/", True),
        ("https://europe.botframework.com/", True),
        ("http://smba.trafficmanager.net/jp/", False),
        ("https://smba.trafficmanager.net:8443/", False),
        ("https://smba.trafficmanager.net.evil.example/", False),
        ("https://evilbotframework.com/", False),
        ("https://botframework.com/", False),
        ("https://smba.trafficmanager.net@evil.example/", False),
        ("https://user@smba.trafficmanager.net/", False),
        ("https://[", False),
        ("//smba.trafficmanager.net/", False),
        ("", False),
        (None, False),
        (7, False),
    ],
)
def test_only_known_connectors_are_believed(url: object, *, allowed: bool) -> None:
    assert SERVICES.allow(url) is allowed


# --- keys and tokens, in time --------------------------------------------------------------------------


class Watch:
    """Wire time that a test moves."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        return self.at


async def test_keys_are_kept_renewed_and_one_day_not_believed_any_more(key: RSAPrivateKey) -> None:
    watch, rows = Watch(), [row(key, "k1")]
    async with key_server(rows) as (url, asked), aiohttp.ClientSession() as http:
        keys = Keys(http, url, watch)
        await asyncio.gather(*(keys.get("k1") for _ in range(10)))
        assert asked == ["metadata", "keys"], "ten at once ask once"
        for _ in range(5):
            with pytest.raises(PermissionError):
                await keys.get("k2")
        assert len(asked) == 4, "one fetch for an unknown key, and no second one at once"
        rows.append(row(key, "k2"))
        with pytest.raises(PermissionError):
            await keys.get("k2")
        watch.at += teams_keys.MISS_EVERY
        await keys.get("k2")
        watch.at += teams_keys.FRESH + 1
        await keys.get("k1")
        await asyncio.sleep(0.1)
        assert len(asked) == 8, "old ones are renewed, and nobody waited for it"
        rows.clear()
        watch.at += teams_keys.FRESH + 1
        await keys.get("k1")
        await asyncio.sleep(0.1)
        watch.at += teams_keys.WORN
        with pytest.raises(KeysUnavailable):
            await keys.get("k1")


@asynccontextmanager
async def login_server(answer: Callable[[], web.Response]) -> AsyncIterator[tuple[str, list[Any]]]:
    """A tiny login server: its address, and the forms it was sent."""
    asked, port, server = list[Any](), free_port(), Server()

    async def token(request: web.Request) -> web.Response:
        asked.append((request.path, dict(await request.post())))
        await asyncio.sleep(0.01)
        return answer()

    app = web.Application()
    app.router.add_post("/{tenant}/oauth2/v2.0/token", token)
    await server.listen(app, "127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{port}/", asked
    finally:
        await server.close()


async def test_a_token_is_asked_for_once_and_renewed_before_its_end() -> None:
    watch, number = Watch(), iter(range(100))

    def answer() -> web.Response:
        return web.json_response({"access_token": f"t{next(number)}", "expires_in": 3600})

    async with login_server(answer) as (url, asked), aiohttp.ClientSession() as http:
        tokens = Tokens(http, url, SEAT, watch)
        given = await asyncio.gather(*(tokens.bearer() for _ in range(10)))
        assert {one["Authorization"] for one in given} == {"Bearer t0"}
        path, form = asked[0]
        assert path == f"/{TENANTS[ALUMNI]}/oauth2/v2.0/token"
        assert form == {
            "grant_type": "client_credentials", "client_id": APPS[ALUMNI], "client_secret": "secret",
            "scope": "https://api.botframework.com/.default",
        }  # fmt: skip
        watch.at += 3400
        assert (await tokens.bearer())["Authorization"] == "Bearer t0", "nobody waits for the next one"
        await asyncio.sleep(0.1)
        assert (await tokens.bearer())["Authorization"] == "Bearer t1"
        watch.at += 4000
        assert (await tokens.bearer())["Authorization"] == "Bearer t2"
        tokens.refused()
        assert (await tokens.bearer())["Authorization"] == "Bearer t3"
        assert (await tokens.bearer("graph"))["Authorization"] == "Bearer t4"
        assert len(asked) == 5
    assert await Tokens(http, url, Seat(ALUMNI, "", "", ""), watch).bearer() == {}


@pytest.mark.parametrize(
    ("response", "reason", "after"),
    [
        (lambda: web.json_response({"error": "invalid_client"}, status=401), "login_refused", 300.0),
        (lambda: web.json_response({}, status=429, headers={"Retry-After": "7"}), "login_busy", 7.0),
        (lambda: web.Response(status=503, text="<html>"), "login_busy", 30.0),
        (lambda: web.Response(text="<html>"), "login_unreadable", 30.0),
        (lambda: web.json_response({"access_token": "t", "expires_in": "soon"}), "login_unreadable", 30.0),
        (lambda: web.json_response({"access_token": "", "expires_in": 1}), "login_unreadable", 30.0),
    ],
)
async def test_a_login_that_fails_is_tried_again_later(
    response: Callable[[], web.Response], reason: str, after: float
) -> None:
    async with login_server(response) as (url, _), aiohttp.ClientSession() as http:
        with pytest.raises(Retry) as told:
            await Tokens(http, url, SEAT, Watch()).bearer()
        assert (told.value.reason, told.value.after) == (reason, after)
    async with aiohttp.ClientSession() as http:
        with pytest.raises(Retry, match="login_unreachable"):
            await Tokens(http, "http://127.0.0.1:9", SEAT, Watch()).bearer()


# --- development ---------------------------------------------------------------------------------------


async def test_the_open_gate_is_for_this_machine_only() -> None:
    near, nobody = Services(("http://127.0.0.1:56150",)), Seat(ALUMNI, "", "", "")
    what = activity(serviceUrl="http://127.0.0.1:56150/_connector")
    open_gate = OpenGate((nobody,), near)
    assert await open_gate.admit({"Host": "127.0.0.1:3978"}, what) is nobody
    for host in ("localhost", "localhost:3978", "[::1]:3978"):
        assert await verdict(open_gate, {"Host": host}, what) == 200, host
    for headers in (
        {}, {"Host": "okaeri.example.co.jp"}, {"Host": "127.0.0.1.evil.example:3978"},
        {"Host": "localhost", "X-Forwarded-For": "203.0.113.9"}, {"Host": "localhost", "Forwarded": "for=x"},
    ):  # fmt: skip
        assert await verdict(open_gate, headers, what) == 403, headers
    assert await verdict(open_gate, {"Host": "localhost"}, activity()) == 403
    assert await verdict(OpenGate((SEAT,), near), {"Host": "localhost"}, what) == 200
    foreign = what | {"channelData": {"tenant": {"id": "other"}}}
    assert await verdict(OpenGate((SEAT,), near), {"Host": "localhost"}, foreign) == 403


async def test_the_open_door_is_told_loudly(tmp_path: Path) -> None:
    logs.set_up("WARNING")
    with capture_logs() as lines:
        await _by_the_open_door(tmp_path)
    assert "TEAMS_AUTHENTICATION_IS_OFF" in str(lines)


async def _by_the_open_door(tmp_path: Path) -> None:
    async with street_in(tmp_path, teams_insecure_dev=True) as street:
        asker = street.alumnus("佐藤 健")
        assert (await street.teams.forges(asker, Forgery.NONE, "find 佐藤")).status == 200
        await street.quiet()
        assert "佐藤 健" in street.seen(asker)


async def test_elsewhere_the_switch_opens_nothing(tmp_path: Path) -> None:
    async with street_in(tmp_path, teams_insecure_dev=True, host="0.0.0.0") as street:
        asker = street.alumnus("佐藤 健")
        assert (await street.teams.forges(asker, Forgery.NONE)).status == 401


async def test_without_a_bot_there_is_no_door(tmp_path: Path) -> None:
    none = {
        f"teams_{side.value}_{name}": "" for side in Side for name in ("app_id", "app_password", "tenant_id")
    }
    async with street_in(tmp_path, **none) as street:
        asker = street.alumnus("佐藤 健")
        assert (await street.teams.says(asker, "help")).status == 404
