"""Which replica holds which agent, in Redis; all of it can be lost at any moment.

Keys:
* `insien:hub:agent:{sandbox_id}`: the lease, JSON `{"hubId","generation","bootId","version"}`,
  TTL 30 s, renewed every 10 s by its holder.
* `insien:hub:generation:{sandbox_id}`: the highest generation given, TTL 7 days.

Channel `insien:hub:agents`: JSON `{"event":"connected"|"disconnected"|"let_go","sandboxId","hubId",
"generation","configuredGeneration"|"reason"}`; whoever holds a lower generation than a `connected`
one has been replaced.

A generation is one more than the highest that either Redis or the agent remembers, so an emptied
Redis never goes back. While Redis is away a replica gives one more than the agent's own, and takes
the lease as soon as it can: the higher generation wins.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis.asyncio as redis

from ws_hub.agent_link import AgentIdentity

AGENTS_CHANNEL = "insien:hub:agents"
LEASE_SECONDS = 30
RENEW_SECONDS = 10
COUNTER_SECONDS = 7 * 24 * 3600
RENEW_BATCH = 500

# KEYS lease, counter; ARGV hub, last generation, ttl, counter ttl.
_NEXT = """
local generation = math.max(tonumber(redis.call('GET', KEYS[2]) or '0'), tonumber(ARGV[2])) + 1
local lease = cjson.decode(ARGV[1])
lease['generation'] = generation
redis.call('SET', KEYS[2], string.format('%d', generation), 'EX', ARGV[4])
redis.call('SET', KEYS[1], cjson.encode(lease), 'EX', ARGV[3])
return generation
"""

# The same keys; ARGV lease JSON, generation, ttl, counter ttl. 1: held; 0: somebody newer holds it.
_RENEW = """
local mine = tonumber(ARGV[2])
if tonumber(redis.call('GET', KEYS[2]) or '0') > mine then return 0 end
local held = redis.call('GET', KEYS[1])
if held then
  local lease = cjson.decode(held)
  if lease['generation'] == mine and lease['hubId'] ~= cjson.decode(ARGV[1])['hubId'] then
    return 0
  end
end
redis.call('SET', KEYS[2], string.format('%d', mine), 'EX', ARGV[4])
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
return 1
"""

# KEYS lease; ARGV hub, generation.
_RELEASE = """
local held = redis.call('GET', KEYS[1])
if not held then return 0 end
local lease = cjson.decode(held)
if lease['hubId'] ~= ARGV[1] or lease['generation'] ~= tonumber(ARGV[2]) then return 0 end
return redis.call('DEL', KEYS[1])
"""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who holds an agent."""

    hub_id: str
    generation: int
    boot_id: bytes
    version: str


def _lease_key(sandbox_id: str) -> str:
    return f"insien:hub:agent:{sandbox_id}"


def _counter_key(sandbox_id: str) -> str:
    return f"insien:hub:generation:{sandbox_id}"


class Leases:
    """The leases of all replicas, taken in the name of `hub_id`. Raises redis.RedisError."""

    def __init__(self, client: "redis.Redis", hub_id: str) -> None:
        self._client = client
        self.hub_id = hub_id
        self._next = client.register_script(_NEXT)
        self._renew = client.register_script(_RENEW)
        self._release = client.register_script(_RELEASE)

    async def take(
        self, sandbox_id: str, last_generation: int, boot_id: bytes, version: str
    ) -> int:
        """Takes the lease, whoever has it; returns the generation, higher than all before."""
        lease = self._document(0, boot_id, version)
        keys = [_lease_key(sandbox_id), _counter_key(sandbox_id)]
        args: list[str | int] = [lease, last_generation, LEASE_SECONDS, COUNTER_SECONDS]
        return int(await self._next(keys=keys, args=args))

    async def renew(self, agents: Sequence[AgentIdentity]) -> list[bool]:
        """Renews many (or takes again what was lost); False where a newer holder exists."""
        held: list[bool] = []
        for start in range(0, len(agents), RENEW_BATCH):
            async with self._client.pipeline(transaction=False) as pipeline:
                for agent in agents[start : start + RENEW_BATCH]:
                    document = self._document(agent.generation, agent.boot_id, agent.version)
                    keys = [_lease_key(agent.sandbox_id), _counter_key(agent.sandbox_id)]
                    args: list[str | int] = [
                        document,
                        agent.generation,
                        LEASE_SECONDS,
                        COUNTER_SECONDS,
                    ]
                    await self._renew(keys=keys, args=args, client=pipeline)
                held += [bool(answer) for answer in await pipeline.execute()]
        return held

    async def release(self, sandbox_id: str, generation: int) -> bool:
        """Gives the lease back; nothing happens when it is somebody else's by now."""
        keys = [_lease_key(sandbox_id)]
        return bool(await self._release(keys=keys, args=[self.hub_id, generation]))

    async def find(self, sandbox_id: str) -> Lease | None:
        """Who holds the agent."""
        return _parse(await self._client.get(_lease_key(sandbox_id)))

    async def find_many(self, sandbox_ids: Sequence[str]) -> list[Lease | None]:
        """The same for many, in order."""
        if not sandbox_ids:
            return []
        found = await self._client.mget([_lease_key(sandbox_id) for sandbox_id in sandbox_ids])
        return [_parse(value) for value in found]

    async def announce(self, event: str, sandbox_id: str, generation: int, **more: Any) -> None:
        """Tells all replicas, and whoever else listens."""
        document: dict[str, Any] = {"event": event, "sandboxId": sandbox_id}
        document |= {"hubId": self.hub_id, "generation": generation, **more}
        await self._client.publish(AGENTS_CHANNEL, json.dumps(document))

    def _document(self, generation: int, boot_id: bytes, version: str) -> str:
        return json.dumps(
            {
                "hubId": self.hub_id,
                "generation": generation,
                "bootId": boot_id.hex(),
                "version": version,
            }
        )


def _parse(value: bytes | str | None) -> Lease | None:
    if value is None:
        return None
    lease = json.loads(value)
    return Lease(
        lease["hubId"], int(lease["generation"]), bytes.fromhex(lease["bootId"]), lease["version"]
    )
