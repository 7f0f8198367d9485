"""`GET /health`: is the whole well, asked of the services, at most once a second."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from time import monotonic
from typing import Any

from gateway.http1 import fetch
from gateway.http1.connection import Lost
from gateway.services import Service
from kit.errors import Failure
from kit.health import Check, run

ASK_SECONDS = 2.3
KEPT_SECONDS = 0.5
BACKENDS = ("postgres", "redis", "docker")
NAMES = {"auth": "auth", "sandbox": "sandbox", "hub": "wsHub"}


class Health:
    """The aggregate; however many ask at once, the services are asked once."""

    def __init__(
        self,
        services: Mapping[str, Service],
        redis_check: Check,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._services = services
        self._redis_check = redis_check
        self._clock = clock
        self._asking: asyncio.Task[dict[str, str]] | None = None
        self._found: dict[str, str] = {}
        self._fresh_until = float("-inf")

    async def report(self) -> tuple[int, dict[str, Any]]:
        """The status of the answer, and its document. Takes at most 2.5 s."""
        if self._clock() >= self._fresh_until:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
            await asyncio.shield(self._asking)
        found = self._found
        well = all(value == "ok" for value in found.values())
        document = {
            "status": "ok" if well else "degraded",
            "version": version("insien-gateway"),
            "timestamp": datetime.now(UTC)
            .isoformat(timespec="milliseconds")
            .replace("+00:00", "Z"),
            "services": found,
        }
        return (200 if well else 503), document

    async def _ask(self) -> dict[str, str]:
        try:
            asked = asyncio.gather(*(_readyz(service) for service in self._services.values()))
            own, answers = await asyncio.gather(run(self._redis_check), asked)
            self._found = combine(dict(zip(self._services, answers, strict=True)), own)
            self._fresh_until = self._clock() + KEPT_SECONDS
            return self._found
        finally:
            self._asking = None


async def _readyz(service: Service) -> dict[str, str] | str:
    """The checks of a service, or why it does not tell them."""
    try:
        _, body = await fetch.get(service.pool, service.host, b"/readyz", seconds=ASK_SECONDS)
        checks = json.loads(body)["checks"]
        return {str(name): str(result)[:200] for name, result in checks.items()}
    except TimeoutError:
        return "timeout"
    except (Failure, Lost) as error:
        return str(error)
    except (ValueError, KeyError, TypeError, AttributeError):
        return "answers no health report"


def combine(answers: Mapping[str, dict[str, str] | str], own_redis: str) -> dict[str, str]:
    """From each service's checks to the six parts: `ok`, or the first reason found."""
    services: dict[str, str] = {}
    backends: dict[str, str] = {"redis": own_redis}
    for name, answer in answers.items():
        if isinstance(answer, str):
            services[NAMES[name]] = answer
            continue
        services[NAMES[name]] = "ok"
        for part, result in answer.items():
            if part in BACKENDS:
                if backends.get(part, "ok") == "ok":
                    backends[part] = result
            elif result != "ok":
                services[NAMES[name]] = f"{part}: {result}"
    unknown = "unknown: its service does not answer"
    return services | {part: backends.get(part, unknown) for part in BACKENDS}
