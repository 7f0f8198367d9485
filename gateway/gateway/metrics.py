"""What the gateway counts. No label value comes from a caller.

The hot path counts in plain numbers; Prometheus reads them when it asks.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client import REGISTRY, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

LIMITED = Counter("insien_gateway_rate_limited_total", "Requests refused, by policy.", ["policy"])
LIMITS_LOCAL = Gauge(
    "insien_gateway_rate_limits_local", "1 while Redis is down and each gateway counts by itself."
)
SOCKETS = Gauge("insien_gateway_sockets", "Open WebSockets, by kind.", ["kind"])


@dataclass(slots=True)
class Tally:
    """A number that only grows."""

    value: int = 0


IDENTITY_HITS = Tally()
IDENTITY_MISSES = Tally()


@dataclass(slots=True)
class _Times:
    total: float = 0.0
    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))


_requests: dict[tuple[str, str, int], int] = {}
_times: dict[str, _Times] = {}


def observe(route: str, method: str, status: int, seconds: float) -> None:
    """Counts one answer."""
    key = (route, method if method in _METHODS else "other", status)
    _requests[key] = _requests.get(key, 0) + 1
    times = _times.get(route)
    if times is None:
        times = _times[route] = _Times()
    times.total += seconds
    times.counts[bisect_left(BUCKETS, seconds)] += 1


class _Requests(Collector):
    def collect(self) -> Iterator[Metric]:
        answers = CounterMetricFamily(
            "insien_gateway_requests",
            "Answers by route, method and status.",
            labels=["route", "method", "status"],
        )
        for (route, method, status), count in list(_requests.items()):
            answers.add_metric([route, method, str(status)], count)
        yield answers
        yield self._seconds()
        asked = CounterMetricFamily(
            "insien_gateway_identities", "Credentials looked up.", labels=["found"]
        )
        asked.add_metric(["here"], IDENTITY_HITS.value)
        asked.add_metric(["auth"], IDENTITY_MISSES.value)
        yield asked

    def _seconds(self) -> Metric:
        seconds = HistogramMetricFamily(
            "insien_gateway_request_seconds",
            "Time until the answer was complete, by route.",
            labels=["route"],
        )
        for route, times in list(_times.items()):
            buckets, running = [], 0
            for bound, count in zip([*map(str, BUCKETS), "+Inf"], times.counts, strict=True):
                running += count
                buckets.append((bound, float(running)))
            seconds.add_metric([route], buckets, times.total)
        return seconds


REGISTRY.register(_Requests())
