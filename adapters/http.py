"""One aiohttp application for every door: limits, health, and no traceback to anybody.

`/healthz`: the process lives. `/readyz`: the database answers, no sweep is late, and nobody asked us to stop.
`/metrics` has a bind of its own, loopback unless set otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from ipaddress import ip_address, ip_network

import structlog
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web
from aiohttp.typedefs import Middleware
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from storage.backlog import Backlog

log = structlog.get_logger()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
MAX_BODY = 1024 * 1024
QUIET = 60.0
FRESH = 5.0
"""Seconds for which it is known how much waits."""
PATIENCE = 10.0
"""Seconds that another system gets for an answer; three tenths of them to take up the connection."""


class _Sweeps:
    """When each sweep last ended well, and how often single rows failed, as Prometheus asks for it."""

    def __init__(
        self, sweeps: Callable[[], Mapping[str, float]], failures: Callable[[], Mapping[str, int]]
    ) -> None:
        self._sweeps, self._failures = sweeps, failures

    def collect(self) -> Iterator[Metric]:
        """One value for each sweep; for each step of one whose rows failed, how often."""
        told = "When a sweep last ended well here, or this process started; seconds since 1970"
        gauge = GaugeMetricFamily("okaeri_sweep_last_success", told, labels=["sweep"])
        for name, at in sorted(self._sweeps().items()):
            gauge.add_metric([name], at)
        yield gauge
        told = "How often a step of a sweep failed with a single row, which is left aside meanwhile"
        counter = CounterMetricFamily("okaeri_row_failures", told, labels=["step"])
        for name, count in sorted(self._failures().items()):
            counter.add_metric([name], count)
        yield counter


class _Waiting:
    """What waits, as Prometheus asks for it: read at most every `FRESH` seconds, and by nobody waited for."""

    def __init__(self, read: Callable[[], Awaitable[Backlog]], now: Callable[[], float]) -> None:
        self._read, self._now = read, now
        self._reading: asyncio.Task[None] | None = None
        self._known: tuple[float, Backlog] | None = None

    async def refresh(self) -> None:
        """Read anew what is old by now; whoever does not answer in time goes on answering."""
        if self._fresh():
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._refresh())
        await asyncio.wait({self._reading}, timeout=1.0)

    def _fresh(self) -> bool:
        return self._known is not None and self._now() - self._known[0] < FRESH

    async def _refresh(self) -> None:
        try:
            self._known = (self._now(), await self._read())
        except Exception as bug:  # a database that is away is told by `/readyz`
            log.warning("backlog_unknown", error=type(bug).__name__, exc_info=bug)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """What is known; nothing, where that is old."""
        if self._known is None or not self._fresh():
            return
        waits = self._known[1]
        told = "For how long the oldest message waits that could go; bulk: one of many that nobody waits for"
        oldest = GaugeMetricFamily("okaeri_outbox_oldest_seconds", told, labels=["bulk"])
        oldest.add_metric(["no"], waits.oldest)
        oldest.add_metric(["yes"], waits.oldest_bulk)
        yield oldest
        yield GaugeMetricFamily("okaeri_outbox_dead", "Messages that were given up", waits.dead)
        told = "For how long the oldest event waits that was acknowledged and not handled"
        yield GaugeMetricFamily("okaeri_inbox_oldest_seconds", told, waits.oldest_event)


class Metrics:
    """Counters of this process, and what waits for all; labels never hold personal data."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._waiting: _Waiting | None = None
        self.requests = Counter(
            "okaeri_requests", "HTTP requests", ["route", "status"], registry=self.registry
        )

    def watch(
        self,
        sweeps: Callable[[], Mapping[str, float]],
        failures: Callable[[], Mapping[str, int]] = dict[str, int],
    ) -> None:
        """Show of each sweep when it last ended well in this process, in seconds since 1970; and of each step
        how often it failed with a single row."""
        self.registry.register(_Sweeps(sweeps, failures))

    def ask(self, read: Callable[[], Awaitable[Backlog]], now: Callable[[], float]) -> None:
        """Show what waits; `now` gives steady seconds."""
        self._waiting = _Waiting(read, now)
        self.registry.register(self._waiting)

    async def show(self, request: web.Request) -> web.Response:
        """The page that Prometheus reads."""
        if self._waiting is not None:
            await self._waiting.refresh()
        return web.Response(body=generate_latest(self.registry), content_type="text/plain")


Application = web.Application


def session(patience: float = PATIENCE) -> ClientSession:
    """The one client session of the process, for every call to another system, which gets `patience` seconds.
    Deliveries that hang leave connections for those who wait for an answer."""
    limits = ClientTimeout(total=patience, connect=0.3 * patience)
    return ClientSession(timeout=limits, connector=TCPConnector(limit=320))


def metrics_page(metrics: Metrics) -> Application:
    """What listens on `OKAERI_METRICS_BIND`."""
    app = web.Application()
    app.router.add_get("/metrics", metrics.show)
    return app


def client_network(request: web.Request, proxies: Collection[str]) -> str:
    """Whose network a request comes from, `203.0.113.0/24` or an IPv6 /48: enough to block, too little to
    name.

    `X-Forwarded-For` is believed only from a proxy that the settings name, and only its last foreign entry.
    """
    near = request.remote or ""
    if near in proxies:
        hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",")]
        near = next((hop for hop in reversed(hops) if hop and hop not in proxies), near)
    try:
        address = ip_address(near)
    except ValueError:
        return "unknown"
    return str(ip_network(f"{address}/{24 if address.version == 4 else 48}", strict=False))


class Doorkeeper:
    """Counts who was refused, and logs it at most once a minute and network; `now` gives steady seconds."""

    def __init__(self, proxies: Collection[str], now: Callable[[], float]) -> None:
        self._proxies, self._now = proxies, now
        self._seen: dict[str, tuple[float, int]] = {}

    def refused(self, request: web.Request, route: str, status: int) -> None:
        """A request got a 4xx."""
        network, at = client_network(request, self._proxies), self._now()
        since, count = self._seen.get(network, (float("-inf"), 0))
        if at - since < QUIET:
            self._seen[network] = (since, count + 1)
            return
        if len(self._seen) > 1000:
            self._seen.clear()
        self._seen[network] = (at, 0)
        log.warning("refused", route=route, status=status, network=network, not_logged=count)


def application(
    routes: Mapping[str, Handler],
    ready: Callable[[], Awaitable[list[str]]],
    metrics: Metrics,
    keeper: Doorkeeper,
) -> web.Application:
    """The product's routes (POST each), its health pages, and the outer guard. `ready` lists what hinders."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_guard(metrics, keeper)])
    for path, handler in routes.items():
        app.router.add_post(path, handler)

    async def healthy(request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def prepared(request: web.Request) -> web.Response:
        hindrances = await ready()
        return web.json_response(
            {"ok": not hindrances, "hindrances": hindrances}, status=503 if hindrances else 200
        )

    app.router.add_get("/healthz", healthy)
    app.router.add_get("/readyz", prepared)
    return app


def _guard(metrics: Metrics, keeper: Doorkeeper) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "none"
        try:
            response = await handler(request)
        except web.HTTPException as known:
            metrics.requests.labels(route, known.status).inc()
            if known.status >= 400:
                keeper.refused(request, route, known.status)
            raise
        except UnicodeDecodeError:
            response = web.Response(status=400)
        except Exception as bug:  # the edge: the cause is logged, nobody outside sees it
            log.error("request_failed", route=route, error=type(bug).__name__, exc_info=bug)
            response = web.Response(status=500)
        metrics.requests.labels(route, response.status).inc()
        if 400 <= response.status < 500:
            keeper.refused(request, route, response.status)
        return response

    return guard


class Server:
    """Listening sockets; closing waits for requests that are under way."""

    def __init__(self) -> None:
        self._runners: list[web.AppRunner] = []

    async def listen(self, app: web.Application, host: str, port: int) -> int:
        """Serve an application; the port it really got. Raises `OSError` when the port is taken."""
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=5.0, handle_signals=False)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, host, port)
        await site.start()
        return int(runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening, then wait for what is under way."""
        for runner in reversed(self._runners):
            await runner.cleanup()
        self._runners.clear()
