"""Rate limits: never more than the quota, whoever counts."""

import asyncio
import uuid
from pathlib import Path

import pytest
import redis.asyncio as redis

from gateway.limits import MAX_BUCKETS, Policy, RateLimiter
from kit import bus
from kit.errors import RateLimited
from tests.gateway.keys import make_key
from tests.gateway.running_gateway import running
from tests.support import redis as redis_support
from tests.support.servers import free_port


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("quota", [1, 7, 100])
async def test_two_gateways_never_let_more_pass_than_the_quota(
    redis_server: str, quota: int
) -> None:
    client = redis.Redis.from_url(redis_server)
    one, two = RateLimiter(client), RateLimiter(client)
    policy, who = Policy("test", quota), uuid.uuid4().hex
    takes = [limiter.take(policy, who) for _ in range(quota) for limiter in (one, two)]
    verdicts = await asyncio.gather(*takes)
    assert sum(verdict.allowed for verdict in verdicts) == quota
    last = await one.take(policy, who)
    assert not last.allowed
    assert 1 <= last.reset <= 60
    with pytest.raises(RateLimited):
        last.check()
    await client.aclose()


async def test_a_verdict_says_what_is_left(redis_server: str) -> None:
    client = redis.Redis.from_url(redis_server)
    limiter, policy = RateLimiter(client), Policy("key", 600)
    verdict = await limiter.take(policy, uuid.uuid4().hex)
    assert dict(verdict.fields())[b"ratelimit-policy"] == b'"key";q=600;w=60'
    assert dict(verdict.fields())[b"ratelimit"].startswith(b'"key";r=599;t=')
    assert (await limiter.take(Policy("key", 0), "a")).allowed
    await client.aclose()


async def test_a_window_ends(redis_server: str) -> None:
    client, clock = redis.Redis.from_url(redis_server), Clock()
    limiter, policy, who = RateLimiter(client, clock), Policy("test", 1), uuid.uuid4().hex
    assert (await limiter.take(policy, who)).allowed
    assert not (await limiter.take(policy, who)).allowed
    await client.delete(f"insien:rate:test:{who}")
    clock.now += 61
    assert (await limiter.take(policy, who)).allowed
    await client.aclose()


async def test_without_redis_a_gateway_counts_by_itself() -> None:
    client, clock = bus.connect(f"redis://127.0.0.1:{free_port()}"), Clock()
    limiter, policy = RateLimiter(client, clock), Policy("test", 3)
    verdicts = [(await limiter.take(policy, "a")).allowed for _ in range(5)]
    assert verdicts == [True, True, True, False, False]
    clock.now += 61
    assert (await limiter.take(policy, "a")).allowed
    await client.aclose()


async def test_a_loss_of_redis_in_a_window_forgets_no_count(tmp_path: Path) -> None:
    policy = Policy("test", 40)
    with redis_support.server(tmp_path) as url:
        client = bus.connect(url)
        limiter = RateLimiter(client)
        assert all([(await limiter.take(policy, "a")).allowed for _ in range(10)])
    assert sum([(await limiter.take(policy, "a")).allowed for _ in range(60)]) == 30
    await client.aclose()


async def test_the_number_of_buckets_is_bounded() -> None:
    client, clock = bus.connect(f"redis://127.0.0.1:{free_port()}"), Clock()
    limiter, policy = RateLimiter(client, clock), Policy("test", 3)
    limiter._down_until = 1e9
    for number in range(MAX_BUCKETS + 10):
        await limiter.take(policy, str(number))
    assert len(limiter._buckets) <= MAX_BUCKETS


async def test_a_key_is_limited_and_told(redis_server: str) -> None:
    async with running(redis_server, rate_limit_per_key=3, rate_limit_create_per_key=1) as stack:
        person, other = stack.rpc.person(), stack.rpc.person()
        first = await stack.http.post("/sandbox/create", headers=person.headers)
        assert first.status_code == 200
        assert first.headers.get_list("ratelimit-policy") == [
            '"key";q=3;w=60',
            '"create";q=1;w=60',
        ]
        second = await stack.http.post("/sandbox/create", headers=person.headers)
        assert (second.status_code, second.json()["code"]) == (429, "rate_limited")
        assert '"create";q=1;w=60' in second.headers["ratelimit-policy"]
        assert (await stack.http.get("/sandbox", headers=person.headers)).status_code == 200
        refused = await stack.http.get("/sandbox", headers=person.headers)
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert (await stack.http.get("/sandbox", headers=other.headers)).status_code == 200
        assert (await stack.http.get("/sandbox", headers=person.session_headers)).status_code == 200


async def test_strangers_are_limited_by_address_and_guests_are_not(redis_server: str) -> None:
    client = redis.Redis.from_url(redis_server)
    await client.delete("insien:rate:address:127.0.0.1")
    async with running(redis_server, rate_limit_per_address=3) as stack:
        shown = [{}, {"X-API-Key": make_key()}, {"X-API-Key": "x"}, {}, {"X-API-Key": make_key()}]
        statuses = [
            (await stack.http.get("/sandbox", headers=headers)).status_code for headers in shown
        ]
        assert statuses == [401, 401, 401, 429, 429]
        known = stack.rpc.person().headers
        assert (await stack.http.get("/sandbox", headers=known)).status_code == 200
        assert (await stack.http.get("/health")).status_code == 200
        webhook = await stack.http.post("/api/webhooks/clerk")
        assert webhook.status_code == 200
        forged = await stack.http.post("/api/webhooks/clerk?status=400")
        assert (forged.status_code, forged.json()["code"]) == (429, "rate_limited")
    await client.delete("insien:rate:address:127.0.0.1")
    await client.aclose()
