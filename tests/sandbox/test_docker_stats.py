"""Docker's statistics in both versions of control groups."""

from typing import Any

import pytest

from sandbox.runtime.docker_stats import cpu_percent, memory_bytes, usage_of


def sample(used: int, machine: int) -> dict[str, Any]:
    return {
        "cpu_stats": {
            "cpu_usage": {"total_usage": used},
            "system_cpu_usage": machine,
            "online_cpus": 2,
        }
    }


@pytest.mark.parametrize(
    ("first", "second", "percent"),
    [
        (sample(0, 0), sample(50, 100), 100.0),
        (sample(0, 0), sample(100, 100), 200.0),
        (sample(10, 100), sample(10, 200), 0.0),
        (sample(0, 100), sample(50, 100), 0.0),
        ({}, sample(50, 100), 0.0),
    ],
)
def test_cpu_is_told_in_percent_of_one(
    first: dict[str, Any], second: dict[str, Any], percent: float
) -> None:
    assert cpu_percent(first, second) == percent


def test_page_cache_is_not_memory_in_use() -> None:
    assert memory_bytes({"usage": 100, "stats": {"inactive_file": 30}}) == 70
    both = {"inactive_file": 10, "total_inactive_file": 40}
    assert memory_bytes({"usage": 100, "stats": both}) == 60
    assert memory_bytes({}) == 0


def test_all_networks_are_added_up() -> None:
    networks = {"eth0": {"rx_bytes": 1, "tx_bytes": 2}, "eth1": {"rx_bytes": 3, "tx_bytes": 4}}
    usage = usage_of({}, {"networks": networks, "pids_stats": {"current": 5}}, 6)
    assert (usage.network_rx_bytes, usage.network_tx_bytes) == (4, 6)
    assert (usage.processes, usage.disk_bytes) == (5, 6)
