"""What the gateway counts. No label value comes from a caller."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "insien_gateway_requests_total",
    "Answers by route, method and status.",
    ["route", "method", "status"],
)
SECONDS = Histogram(
    "insien_gateway_request_seconds",
    "Time until the answer was complete, by route.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
LIMITED = Counter("insien_gateway_rate_limited_total", "Requests refused, by policy.", ["policy"])
LIMITS_LOCAL = Gauge(
    "insien_gateway_rate_limits_local", "1 while Redis is down and each gateway counts by itself."
)
IDENTITY_HITS = Counter("insien_gateway_identity_hits_total", "Credentials known already.")
IDENTITY_MISSES = Counter("insien_gateway_identity_misses_total", "Credentials auth was asked for.")
SOCKETS = Gauge("insien_gateway_sockets", "Open WebSockets, by kind.", ["kind"])

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def observe(route: str, method: str, status: int, seconds: float) -> None:
    """Counts one answer."""
    _requests(route, method if method in _METHODS else "other", status).inc()
    _seconds(route).observe(seconds)


@cache
def _requests(route: str, method: str, status: int) -> Counter:
    return REQUESTS.labels(route, method, str(status))


@cache
def _seconds(route: str) -> Histogram:
    return SECONDS.labels(route)
