"""What the gateway answers by itself."""

import asyncio
import json
from typing import Any

from gateway.health import combine
from tests.gateway.running_gateway import Stack, running
from tests.support.servers import free_port


async def test_health_is_ok_when_all_is(stack: Stack) -> None:
    answers = await asyncio.gather(*(stack.http.get("/health") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    document = answers[0].json()
    assert document["status"] == "ok"
    assert document["version"]
    assert document["timestamp"].endswith("Z")
    assert set(document["services"]) == {
        "auth",
        "sandbox",
        "wsHub",
        "postgres",
        "redis",
        "docker",
    }
    assert set(document["services"].values()) == {"ok"}


async def test_health_says_which_part_is_down(redis_server: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    async with running(redis_server, ws_hub_http_url=nobody) as stack:
        stack.service.checks["docker"] = "timeout"
        answer = await stack.http.get("/health")
        assert answer.status_code == 503
        services = answer.json()["services"]
        assert answer.json()["status"] == "degraded"
        assert services["docker"] == "timeout"
        assert services["wsHub"] != "ok"
        assert services["auth"] == "ok"


async def test_everything_down_still_starts_and_answers() -> None:
    gone = f"redis://127.0.0.1:{free_port()}/0"
    async with running(gone, rate_limit_per_key=5) as stack:
        person = stack.rpc.person()
        assert (await stack.http.get("/sandbox", headers=person.headers)).status_code == 200
        health = await stack.http.get("/health")
        assert health.status_code == 503
        assert health.json()["services"]["redis"] != "ok"


def test_a_service_without_a_report_is_told_apart() -> None:
    answers: dict[str, Any] = {
        "auth": {"postgres": "down", "clerk": "odd"},
        "sandbox": "timeout",
        "hub": {"redis": "ok"},
    }
    found = combine(answers, "ok")
    assert found["postgres"] == "down"
    assert found["auth"] == "clerk: odd"
    assert found["sandbox"] == "timeout"
    assert found["docker"].startswith("unknown")


async def test_the_document_and_its_page_are_served(stack: Stack) -> None:
    document = await stack.http.get("/openapi.json")
    assert document.json()["openapi"].startswith("3.1")
    page = await stack.http.get("/docs")
    policy = page.headers["content-security-policy"]
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers.get_list("content-security-policy") == [policy]
    assert "script-src 'sha256-" in policy
    assert "unsafe" not in policy
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert (await stack.http.head("/docs")).content == b""


async def test_only_allowed_origins_may_read(redis_server: str) -> None:
    async with running(redis_server, allowed_origins="https://a.example, https://b.example") as s:
        allowed = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
        preflight = await s.http.options("/sandbox", headers=allowed)
        assert preflight.status_code == 204
        assert preflight.headers["access-control-allow-origin"] == "https://a.example"
        assert "X-API-Key" in preflight.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in preflight.headers
        for origin in ("https://a.example.evil", "null", "https://A.example"):
            other = await s.http.get("/health", headers={"Origin": origin})
            assert "access-control-allow-origin" not in other.headers
            assert other.headers["vary"] == "Origin"


async def test_https_and_proxies_are_believed_only_when_told(redis_server: str) -> None:
    async with running(
        redis_server, public_url="https://sandbox.example", trusted_proxies="127.0.0.0/8"
    ) as stack:
        person = stack.rpc.person()
        told = {"X-Forwarded-For": "6.6.6.6, 7.7.7.7, 127.0.0.9", "X-Forwarded-Proto": "https"}
        answer = await stack.http.get("/sandbox", headers=person.headers | told)
        headers = dict(answer.json()["headers"])
        assert (headers["x-forwarded-for"], headers["x-forwarded-proto"]) == ("7.7.7.7", "https")
        assert stack.callers.verify(headers["x-insien-caller"]).address == "7.7.7.7"
        assert "max-age" in answer.headers["strict-transport-security"]
        odd = await stack.http.get(
            "/sandbox", headers=person.headers | {"X-Forwarded-For": "6.6.6.6, nonsense"}
        )
        assert dict(odd.json()["headers"])["x-forwarded-for"] == "127.0.0.1"


async def test_each_request_is_one_line_of_the_log(stack: Stack, capfd: Any) -> None:
    person = stack.rpc.person()
    headers = person.headers | {"X-Request-Id": "log-test-1"}
    await stack.http.get("/sandbox?secret=1", headers=headers)
    text = ""
    async with asyncio.timeout(5):
        while "log-test-1" not in text:
            await asyncio.sleep(0.02)
            text += capfd.readouterr().err
    [line] = [line for line in text.splitlines() if "log-test-1" in line]
    document = json.loads(line)
    assert document["route"] == "/sandbox"
    assert document["userId"] == person.user_id
    assert document["keyPrefix"] == person.key[:12]
    assert document["status"] == 200
    assert "secret" not in line
    assert person.key not in text
