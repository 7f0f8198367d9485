"""From a row in `pending` to a connected agent; or no container and a row in `failed`."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress

from kit.errors import DeadlineExceeded, Failure, Unavailable
from sandbox.addresses import agent_token
from sandbox.errors import RuntimeFailed, SandboxDestroyed, StateChanged
from sandbox.lifecycle.ledger import move
from sandbox.lifecycle.parts import Parts
from sandbox.models import Cause, ContainerSpec, Resources, Sandbox, Template
from sandbox.repository import idempotency
from sandbox.repository.sandboxes import Change
from sandbox.states import State

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
UNDO_SECONDS = 30.0
CLAIM_SECONDS = 3.0

AGENT_TIMEOUT = "agent_timeout"


async def start(
    parts: Parts, sandbox: Sandbox, template: Template, env: Mapping[str, str] | None
) -> Sandbox:
    """Starts the container; with `env` it becomes its owner's (`running`), without it `warm`.

    Raises Unavailable, DeadlineExceeded, or SandboxDestroyed when it was destroyed meanwhile; in
    each case no container is left.
    """
    seconds = parts.settings.create_timeout_seconds.total_seconds()
    async with _or_nothing(parts, sandbox), asyncio.timeout(seconds):
        async with parts.slots:
            container_id = await parts.runtime.start(_spec(parts, sandbox, template))
        await _agent_connected(parts, sandbox, seconds)
        if env is not None:
            await parts.hub.configure(sandbox, template, env)
        target = State.WARM if env is None else State.RUNNING
        change = Change(container_id=container_id)
        return await move(parts, sandbox, target, Cause("agent_connected"), change)


async def take_over(
    parts: Parts, sandbox: Sandbox, had: Resources, template: Template, env: Mapping[str, str]
) -> Sandbox:
    """Makes a claimed sandbox its owner's. Raises as `start` does, but sooner."""
    async with _or_nothing(parts, sandbox), asyncio.timeout(CLAIM_SECONDS):
        if had != sandbox.resources:
            await parts.runtime.update(sandbox.id, sandbox.resources)
        await parts.hub.configure(sandbox, template, env)
        return await move(parts, sandbox, State.RUNNING, Cause("claimed"))


@asynccontextmanager
async def _or_nothing(parts: Parts, sandbox: Sandbox) -> AsyncIterator[None]:
    """Whatever goes wrong in the block: the container is removed, the row says why."""
    with parts.in_hand.working_on(sandbox.id):
        try:
            yield
        except StateChanged:
            await _remove(parts, sandbox)
            raise SandboxDestroyed from None
        except RuntimeFailed as error:
            await _give_up(parts, sandbox, error.kind, error.detail)
            raise Unavailable(error.detail, retry_after=5) from error
        except (TimeoutError, DeadlineExceeded) as error:
            await _give_up(parts, sandbox, AGENT_TIMEOUT, "its agent did not connect in time")
            raise DeadlineExceeded(TIMEOUT_TEXT) from error
        except Failure as error:
            await _give_up(parts, sandbox, "agent_unavailable", error.detail)
            raise
        except BaseException:
            await _give_up(parts, sandbox, "interrupted", "the service stopped")
            raise


TIMEOUT_TEXT = "The sandbox was not ready in time; nothing of it is left."


def failure_of(reason: str | None) -> Failure:
    """What the creator of a sandbox that failed with this reason is told."""
    if reason == AGENT_TIMEOUT:
        return DeadlineExceeded(TIMEOUT_TEXT)
    return Unavailable(f"The sandbox could not be started ({reason}).", retry_after=5)


async def _give_up(parts: Parts, sandbox: Sandbox, reason: str, detail: str) -> None:
    """Shielded: an interrupted create still cleans up, unless the process itself dies."""
    logger.warning(
        "a sandbox did not start",
        extra={"sandboxId": str(sandbox.id), "reason": reason, "detail": detail},
    )
    await asyncio.shield(_undo(parts, sandbox, Cause(reason, data={"detail": detail})))


async def _undo(parts: Parts, sandbox: Sandbox, cause: Cause) -> None:
    await _remove(parts, sandbox)
    # When the table cannot be reached now, the reconciler does this as soon as the lease is over.
    with suppress(StateChanged, Failure):
        await move(parts, sandbox, State.FAILED, cause, Change(reason=cause.cause))
        async with parts.database.connection() as connection:
            await idempotency.forget(connection, sandbox.id)


async def _remove(parts: Parts, sandbox: Sandbox) -> None:
    try:
        async with asyncio.timeout(UNDO_SECONDS):
            await parts.runtime.remove(sandbox.id)
    except (RuntimeFailed, TimeoutError) as error:
        # The reconciler removes containers of ended sandboxes.
        logger.warning("a container is left for the reconciler: %s", error)


async def _agent_connected(parts: Parts, sandbox: Sandbox, seconds: float) -> None:
    """Waits for the agent, unless its container ends first."""
    waiting = asyncio.ensure_future(parts.hub.wait_for_agent(sandbox.id, seconds))
    try:
        while not (await asyncio.wait({waiting}, timeout=LOOK_SECONDS))[0]:
            found = await parts.runtime.inspect(sandbox.id)
            if found is None or not found.running:
                raise RuntimeFailed(
                    "The sandbox ended before its agent was connected.", "container_exited"
                )
        waiting.result()
    finally:
        waiting.cancel()


def _spec(parts: Parts, sandbox: Sandbox, template: Template) -> ContainerSpec:
    secret = parts.settings.jwt_secret.get_secret_value()
    return ContainerSpec(
        sandbox_id=sandbox.id,
        image=sandbox.image,
        runtime=template.runtime,
        resources=sandbox.resources,
        egress=sandbox.egress,
        env={
            "INSIEN_SANDBOX_ID": str(sandbox.id),
            "INSIEN_AGENT_URL": parts.addresses.agent(sandbox.id, sandbox.egress),
            "INSIEN_AGENT_TOKEN": agent_token(secret, sandbox.id),
            "INSIEN_USER": template.user,
            "INSIEN_WORKDIR": template.workdir,
        },
    )
