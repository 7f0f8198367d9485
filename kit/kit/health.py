"""`/livez`, `/readyz` and `/metrics`: is the process there, can it work, what does it count."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

Check = Callable[[], Awaitable[object]]
"""Returns when the part works; raises, with a reason, when it does not."""

CHECK_SECONDS = 2.0


async def run(check: Check) -> str:
    """`ok`, or the reason in one line; a check that takes longer than 2 s is `timeout`."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except TimeoutError:
        return "timeout"
    except Exception as error:  # noqa: BLE001  (whatever is wrong is the answer)
        return f"{type(error).__name__}: {error}".splitlines()[0][:200]
    return "ok"


async def run_all(checks: Mapping[str, Check]) -> dict[str, str]:
    """Every check at once, by name."""
    results = await asyncio.gather(*(run(check) for check in checks.values()))
    return dict(zip(checks, results, strict=True))


def routes(checks: Mapping[str, Check]) -> list[BaseRoute]:
    """The three internal routes; `readyz` is 503 when any check fails, and says which."""

    async def livez(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> Response:
        found = await run_all(checks)
        ready = all(result == "ok" for result in found.values())
        status = "ok" if ready else "degraded"
        return JSONResponse({"status": status, "checks": found}, 200 if ready else 503)

    async def metrics(request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)]
