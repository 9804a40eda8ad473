"""The outer guard: whom it names in the log, and how often; and what the figures of a process say."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import make_mocked_request
from prometheus_client import generate_latest

from adapters.http import Doorkeeper, Metrics, client_network


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


def test_metrics_tell_how_often_single_rows_failed() -> None:
    metrics, failures = Metrics(), {"enrolment.ask": 2}
    metrics.watch(lambda: {"enrolment": 7.0}, lambda: failures)
    failures["checkins"] = 1
    told = generate_latest(metrics.registry).decode()
    assert 'okaeri_sweep_last_success{sweep="enrolment"} 7.0' in told
    assert 'okaeri_row_failures_total{step="enrolment.ask"} 2.0' in told
    assert 'okaeri_row_failures_total{step="checkins"} 1.0' in told
