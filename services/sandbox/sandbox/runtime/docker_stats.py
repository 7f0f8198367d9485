"""Docker's statistics, of control groups v1 and v2, as what a sandbox uses."""

from typing import Any

from sandbox.models import Usage

Json = dict[str, Any]


def usage_of(first: Json, second: Json, disk_bytes: int) -> Usage:
    """Two samples, one after the other, of one container."""
    memory = second.get("memory_stats", {})
    networks = second.get("networks") or {}
    return Usage(
        cpu_percent=cpu_percent(first, second),
        memory_bytes=memory_bytes(memory),
        memory_limit_bytes=memory.get("limit", 0),
        processes=second.get("pids_stats", {}).get("current", 0),
        disk_bytes=disk_bytes,
        network_rx_bytes=sum(network["rx_bytes"] for network in networks.values()),
        network_tx_bytes=sum(network["tx_bytes"] for network in networks.values()),
    )


def cpu_percent(first: Json, second: Json) -> float:
    """CPU time between the samples, by that of the whole machine, times its CPUs."""
    before, after = first.get("cpu_stats", {}), second.get("cpu_stats", {})
    if "system_cpu_usage" not in before or "system_cpu_usage" not in after:
        return 0.0
    machine: float = after["system_cpu_usage"] - before["system_cpu_usage"]
    used: float = after["cpu_usage"]["total_usage"] - before["cpu_usage"]["total_usage"]
    if machine <= 0 or used <= 0:
        return 0.0
    cpus: int = after.get("online_cpus", 1)
    return round(100.0 * cpus * used / machine, 2)


def memory_bytes(memory: Json) -> int:
    """What is in use without the page cache that the kernel would give back at once."""
    stats = memory.get("stats", {})
    # v1 calls it total_inactive_file, v2 inactive_file (v1 has that too, without children).
    cache: int = stats.get("total_inactive_file", stats.get("inactive_file", 0))
    used: int = memory.get("usage", 0)
    return max(0, used - cache)
