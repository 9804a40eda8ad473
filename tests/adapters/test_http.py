"""The outer guard: whom it names in the log, and how often; and what Prometheus reads."""

from __future__ import annotations

import asyncio

import pytest
import structlog
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from prometheus_client import generate_latest

from adapters.http import FRESH, Doorkeeper, Metrics, client_network, metrics_page
from storage.backlog import Backlog


def knock(remote: str, forwarded: str = "") -> str:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    request = make_mocked_request("POST", "/slack/events", headers).clone(remote=remote)
    return client_network(request, {"10.0.0.1"})


@pytest.mark.parametrize(
    ("remote", "forwarded", "network"),
    [
        ("203.0.113.77", "", "203.0.113.0/24"),
        ("203.0.113.77", "198.51.100.9", "203.0.113.0/24"),  # nobody we know forwards for anybody
        ("10.0.0.1", "198.51.100.9", "198.51.100.0/24"),
        ("10.0.0.1", "192.0.2.66, 198.51.100.9, 10.0.0.1", "198.51.100.0/24"),
        ("10.0.0.1", "", "10.0.0.0/24"),
        ("10.0.0.1", "not an address", "unknown"),
        ("2001:db8:1:2::9", "", "2001:db8:1::/48"),
    ],
)
def test_only_a_named_proxy_says_who_came(remote: str, forwarded: str, network: str) -> None:
    assert knock(remote, forwarded) == network


def test_a_flood_of_refusals_is_one_line_a_minute(capsys: pytest.CaptureFixture[str]) -> None:
    at = [1000.0]
    keeper = Doorkeeper(frozenset(), lambda: at[0])
    request = make_mocked_request("POST", "/slack/events").clone(remote="203.0.113.77")
    for _ in range(50):
        keeper.refused(request, "/slack/events", 401)
    at[0] += 61
    keeper.refused(request, "/slack/events", 401)
    seen = capsys.readouterr()
    lines = [line for line in (seen.out + seen.err).splitlines() if "refused" in line]
    assert len(lines) == 2
    assert "49" in lines[1]
    assert "203.0.113.77" not in "".join(lines)


class Asked:
    """A database that counts how often it is asked, and answers once it may."""

    def __init__(self) -> None:
        self.times, self.answers = 0, asyncio.Event()
        self.answers.set()

    async def __call__(self) -> Backlog:
        self.times += 1
        await self.answers.wait()
        return Backlog(oldest=12.0, oldest_bulk=3400.0, dead=3, oldest_event=0.0)


async def scraped(metrics: Metrics) -> dict[str, float]:
    """The figures about what waits, as Prometheus reads them."""
    async with TestClient(TestServer(metrics_page(metrics))) as client, client.get("/metrics") as page:
        assert page.status == 200
        lines = [line.rsplit(" ", 1) for line in (await page.text()).splitlines()]
    return {name: float(value) for name, value in lines if name.startswith(("okaeri_out", "okaeri_in"))}


FIGURES = {
    'okaeri_outbox_oldest_seconds{bulk="no"}': 12.0,
    'okaeri_outbox_oldest_seconds{bulk="yes"}': 3400.0,
    "okaeri_outbox_dead": 3.0,
    "okaeri_inbox_oldest_seconds": 0.0,
}


async def test_what_waits_is_asked_for_once_however_many_scrape() -> None:
    at, asked, metrics = [1000.0], Asked(), Metrics()
    metrics.ask(asked, lambda: at[0])
    assert await asyncio.gather(*(scraped(metrics) for _ in range(5))) == [FIGURES] * 5
    assert asked.times == 1
    at[0] += FRESH
    assert await scraped(metrics) == FIGURES
    assert asked.times == 2


async def test_a_database_that_does_not_answer_holds_up_no_scrape_and_is_asked_once() -> None:
    at, asked, metrics = [1000.0], Asked(), Metrics()
    metrics.ask(asked, lambda: at[0])
    asked.answers.clear()
    began = asyncio.get_running_loop().time()
    for _ in range(3):
        assert await scraped(metrics) == {}
        at[0] += FRESH
    assert asyncio.get_running_loop().time() - began < 10
    assert asked.times == 1
    asked.answers.set()
    assert await scraped(metrics) == FIGURES


async def test_figures_that_cannot_be_had_are_left_out() -> None:
    async def breaks() -> Backlog:
        raise RuntimeError("no such table")

    metrics = Metrics()
    metrics.ask(breaks, lambda: 0.0)
    with structlog.testing.capture_logs() as lines:
        assert await scraped(metrics) == {}
    assert [(line["event"], line["error"]) for line in lines] == [("backlog_unknown", "RuntimeError")]


def test_metrics_tell_how_often_single_rows_failed() -> None:
    metrics, failures = Metrics(), {"enrolment.ask": 2}
    metrics.watch(lambda: {"enrolment": 7.0}, lambda: failures)
    failures["checkins"] = 1
    told = generate_latest(metrics.registry).decode()
    assert 'okaeri_sweep_last_success{sweep="enrolment"} 7.0' in told
    assert 'okaeri_row_failures_total{step="enrolment.ask"} 2.0' in told
    assert 'okaeri_row_failures_total{step="checkins"} 1.0' in told
