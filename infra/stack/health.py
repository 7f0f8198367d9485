"""Is it well: of the whole through the gateway, and of each process by itself."""

import socket
import time

import httpx

from infra.stack.errors import StepFailed
from infra.stack.layout import Layout
from infra.stack.plan import ProcessSpec

PROBE_SECONDS = 1.5


def wait_healthy(url: str, seconds: float) -> None:
    """Until GET /health is 200; StepFailed carries its last answer."""
    deadline = time.monotonic() + seconds
    last = "no answer"
    while time.monotonic() < deadline:
        try:
            answer = httpx.get(f"{url}/health", timeout=5, trust_env=False)
        except httpx.HTTPError as error:
            last = f"{type(error).__name__}: {error}"
        else:
            if answer.status_code == 200:
                return
            last = f"{answer.status_code} {answer.text}"
        time.sleep(0.1)
    raise StepFailed("GET /health", f"not 200 after {seconds:.0f} s: {last}")


def probe(spec: ProcessSpec) -> str:
    """One word about one process: `ok`, or what is wrong with it.

    A shared port is answered by any replica; ports of its own (gRPC, metrics) by it alone.
    """
    for address in spec.binds:
        if not _accepts(address.host, address.port):
            return f"port {address.port} closed"
    if (url := _readiness_url(spec)) is None:
        return "ok"
    try:
        answer = httpx.get(url, timeout=PROBE_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        return type(error).__name__
    return "ok" if answer.status_code == 200 else f"{answer.status_code}"


def _readiness_url(spec: ProcessSpec) -> str | None:
    if spec.part == "gateway":
        return f"http://{spec.binds[0].host}:{spec.binds[0].port}/readyz"
    if spec.part == "clerk":
        address = spec.listen["LISTEN_FD"]
        return f"http://{address.host}:{address.port}/.well-known/jwks.json"
    http = spec.listen.get("HTTP_LISTEN_FD") or spec.listen.get("LISTEN_FD")
    return f"http://{http.host}:{http.port}/readyz" if http else None


def _accepts(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=PROBE_SECONDS):
            return True
    except OSError:
        return False


def log_tails(layout: Layout, names: list[str], lines: int) -> str:
    """The last lines of some processes' logs, for a message about a failed start."""
    parts = []
    for name in names:
        log = layout.log_file(name)
        if log.exists():
            text = log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
            parts.append("\n".join([f"--- {log}", *text]))
    return "\n".join(parts)
