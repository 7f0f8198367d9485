"""The cache of identities: short, true, and asked for once."""

import asyncio

import pytest

from gateway.identities import AuthDirectory, Identities
from kit.caller import Caller, CallerTokens
from kit.errors import Unauthenticated, Unavailable
from kit.rpc import Rpc
from tests.gateway.fake_rpc import FakeRpc, serving
from tests.gateway.running_gateway import INTERNAL_SECRET


class FakeDirectory:
    """Knows everybody but `wrong`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.expires_at = 0.0

    async def authenticate(self, credential: str, address: str) -> Caller:
        self.asked.append(credential)
        await self.gate.wait()
        if credential == "wrong":
            raise Unauthenticated("unknown")
        return Caller(
            "key",
            user_id=f"user of {credential}",
            key_id=f"id of {credential}",
            expires_at=self.expires_at,
        )


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Cache:
    def __init__(self) -> None:
        self.directory, self.clock = FakeDirectory(), Clock()
        self.tokens = CallerTokens(INTERNAL_SECRET)
        self.identities = Identities(self.directory, self.tokens, self.clock)

    async def ask(self, credential: str = "a") -> Caller:
        return (await self.identities.identify(credential, "1.1.1.1")).caller


async def test_an_answer_is_kept_for_less_than_five_seconds() -> None:
    cache = Cache()
    await cache.ask()
    cache.clock.now += 4.4
    await cache.ask()
    assert len(cache.directory.asked) == 1
    cache.clock.now += 0.2
    await cache.ask()
    assert len(cache.directory.asked) == 2


async def test_an_answer_is_not_kept_past_the_credentials_end() -> None:
    import time

    cache = Cache()
    cache.directory.expires_at = time.time() + 1
    await cache.ask()
    cache.clock.now += 1.1
    await cache.ask()
    assert len(cache.directory.asked) == 2


async def test_many_who_miss_at_once_ask_once() -> None:
    cache = Cache()
    cache.directory.gate.clear()
    waiting = [asyncio.create_task(cache.ask()) for _ in range(20)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    cache.directory.gate.set()
    found = await asyncio.gather(*waiting, return_exceptions=True)
    assert len(cache.directory.asked) == 1
    assert isinstance(found[0], asyncio.CancelledError)
    assert all(isinstance(one, Caller) for one in found[1:])


async def test_a_wrong_credential_is_remembered_briefly() -> None:
    cache = Cache()
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await cache.ask("wrong")
    assert len(cache.directory.asked) == 1
    cache.clock.now += 1.1
    with pytest.raises(Unauthenticated):
        await cache.ask("wrong")
    assert len(cache.directory.asked) == 2


@pytest.mark.parametrize("by", [{"key_id": "id of a"}, {"user_id": "user of a"}])
async def test_a_revocation_drops_its_own_only(by: dict[str, str]) -> None:
    cache = Cache()
    a, b = await cache.ask("a"), await cache.ask("b")
    cache.identities.revoke(**by)
    await cache.ask("a")
    await cache.ask("b")
    assert cache.directory.asked == ["a", "b", "a"]
    assert not cache.identities.stands(a)
    assert cache.identities.stands(b)


async def test_a_revocation_during_the_call_keeps_the_answer_from_being_kept() -> None:
    cache = Cache()
    cache.directory.gate.clear()
    asking = asyncio.create_task(cache.ask())
    await asyncio.sleep(0)
    cache.identities.revoke(key_id="id of a")
    later = asyncio.create_task(cache.ask())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(cache.directory.asked) == 2
    cache.directory.gate.set()
    await asyncio.gather(asking, later)


async def test_a_gap_empties_the_cache() -> None:
    cache = Cache()
    await cache.ask()
    cache.identities.clear()
    await cache.ask()
    assert len(cache.directory.asked) == 2


async def test_a_caller_header_is_minted_once_for_an_address() -> None:
    cache = Cache()
    known = await cache.identities.identify("a", "1.1.1.1")
    first = cache.identities.header(known, "1.1.1.1")
    assert cache.identities.header(known, "1.1.1.1") == first
    assert cache.tokens.verify(first.decode()).address == "1.1.1.1"
    other = cache.identities.header(known, "2.2.2.2")
    assert cache.tokens.verify(other.decode()).address == "2.2.2.2"
    cache.clock.now += 26
    for number in range(70):
        cache.identities.header(known, f"3.3.3.{number}")
    assert len(known.headers) < 70


async def test_an_auth_that_hangs_is_safe_to_ask_again() -> None:
    hanging = FakeRpc(gate=asyncio.Event())
    async with serving(hanging, INTERNAL_SECRET):
        rpc = Rpc(f"127.0.0.1:{hanging.port}", INTERNAL_SECRET)
        with pytest.raises(Unavailable) as caught:
            await AuthDirectory(rpc, call_seconds=0.2).authenticate("a", "1.1.1.1")
        await rpc.close()
    assert caught.value.retry_after
