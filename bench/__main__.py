"""`python -m bench [name …]`: measures, prints the table, writes `bench/results/latest.json`.

Names: cold, warm, exec, get, sockets, relay, files, preview, agent; all without any. Bars that are
not met are printed as such; the exit status says only whether everything could be measured.
"""

import asyncio
import json
import platform
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx

from bench import agent_cost, commands, creates, requests, sockets, stack, transfers
from bench.row import Row, table
from insien import AsyncClient

RESULTS = Path(__file__).parent / "results"
WARM = "4"


class Session:
    """One run: the stack's environment, a client, a sandbox made when first needed."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self.base = environment["INSIEN_API_URL"]
        self.key = environment["INSIEN_API_KEY"]
        self.client = AsyncClient(api_url=self.base, api_key=self.key)
        self.api = httpx.AsyncClient(
            base_url=self.base, headers={"X-API-Key": self.key}, timeout=60
        )

    async def sandbox_id(self) -> str:
        """A new sandbox's id."""
        body = {"resources": {"memoryMb": 1024, "diskMb": 4096}}
        answer = await self.api.post("/sandbox/create", json=body)
        answer.raise_for_status()
        return str(answer.json()["sandboxId"])


async def _cold(s: Session) -> list[Row]:
    return [await creates.cold(s.client)]


async def _warm(s: Session) -> list[Row]:
    stack.bring_up(WARM_POOL_SIZE=WARM)
    await asyncio.sleep(15)
    try:
        return [await creates.warm(s.client)]
    finally:
        stack.bring_up(WARM_POOL_SIZE="0")


async def _exec(s: Session) -> list[Row]:
    return [await commands.exec_true(s.api, await s.sandbox_id())]


async def _get(s: Session) -> list[Row]:
    path = f"/sandbox/{await s.sandbox_id()}/ports"
    return [
        await requests.authenticated_get(s.base, s.key, path, "authenticated GET, 32 connections")
    ]


async def _sockets(s: Session) -> list[Row]:
    return [await sockets.idle(s.environment)]


async def _relay(s: Session) -> list[Row]:
    return [await sockets.relay(s.environment, await s.sandbox_id())]


async def _files(s: Session) -> list[Row]:
    return await transfers.files(s.api, await s.sandbox_id())


async def _preview(s: Session) -> list[Row]:
    return [await transfers.preview(s.api, s.base, await s.sandbox_id())]


async def _agent(s: Session) -> list[Row]:
    return await agent_cost.measure(s.environment)


MEASURES: dict[str, Callable[[Session], Awaitable[list[Row]]]] = {
    "cold": _cold,
    "warm": _warm,
    "exec": _exec,
    "get": _get,
    "sockets": _sockets,
    "relay": _relay,
    "files": _files,
    "preview": _preview,
    "agent": _agent,
}


async def run(names: list[str]) -> tuple[list[Row], list[str]]:
    """The rows, and the names of what could not be measured."""
    session = Session(stack.bring_up(WARM_POOL_SIZE="0"))
    rows: list[Row] = []
    broken: list[str] = []
    for name in names:
        print(f"measuring {name} …", file=sys.stderr)
        try:
            rows += await MEASURES[name](session)
        except Exception as error:  # noqa: BLE001  (one that fails must not hide the others)
            broken.append(f"{name}: {type(error).__name__}: {error}")
    await session.api.aclose()
    await session.client.close()
    return rows, broken


def main(names: list[str]) -> int:
    """0 when everything asked could be measured."""
    unknown = [name for name in names if name not in MEASURES]
    if unknown:
        print(f"unknown: {', '.join(unknown)}; there are: {', '.join(MEASURES)}", file=sys.stderr)
        return 2
    with stack.cleaned():
        rows, broken = asyncio.run(run(names or list(MEASURES)))
    print(table(rows))
    for line in broken:
        print(f"could not measure {line}")
    RESULTS.mkdir(exist_ok=True)
    report = {
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": platform.platform(),
        "rows": [row.as_json() for row in rows],
        "broken": broken,
    }
    (RESULTS / "latest.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
