"""The HTTP routes: parse, call one function, render."""

from datetime import UTC, datetime
from uuid import UUID

from pydantic import BaseModel
from starlette.responses import Response

from kit.asgi import json_response
from kit.endpoint import Call, Endpoint
from sandbox import answers, rendering, request, schemas
from sandbox.lifecycle import observe
from sandbox.lifecycle.access import owned, owned_with_ports, owner_of, requested_by
from sandbox.lifecycle.create import create
from sandbox.lifecycle.destroy import destroy
from sandbox.lifecycle.expose import close, expose, list_ports, require_ports
from sandbox.lifecycle.extend import extend
from sandbox.lifecycle.issue import issue
from sandbox.lifecycle.parts import Parts
from sandbox.lifecycle.pause import pause, resume
from sandbox.models import Sandbox
from sandbox.repository.lists import Filter


def _parts(call: Call) -> Parts:
    parts: Parts = call.request.app.state.parts()
    return parts


async def _mine(call: Call) -> tuple[Parts, Sandbox]:
    parts = _parts(call)
    return parts, await owned(parts, call.caller, call.param("id"))


async def _create(call: Call) -> Response:
    parts = _parts(call)
    key = call.request.headers.get("idempotency-key")
    wanted = request.wanted(parts, call.body, UUID(call.caller.user_id), key)
    sandbox = await create(parts, owner_of(call.caller), wanted)
    return json_response(rendering.created(sandbox, parts.addresses), 201 if wanted.wait else 202)


async def _list(call: Call) -> BaseModel:
    query: schemas.ListQuery = call.query
    after = rendering.after_of(query.cursor)
    wanted = Filter(query.status, query.metadata, after)
    user_id = UUID(call.caller.user_id)
    found = await observe.list_owned(_parts(call), user_id, wanted, query.limit)
    shown, last = rendering.page(found, query.limit)
    return answers.ListAnswer(
        sandboxes=[rendering.summary(sandbox) for sandbox in shown],
        next_cursor=rendering.cursor_of(last.created_at.isoformat(), last.id) if last else None,
    )


async def _status(call: Call) -> BaseModel:
    parts = _parts(call)
    sandbox, ports = await owned_with_ports(parts, call.caller, call.param("id"))
    return rendering.status(await observe.status(parts, sandbox, ports), parts.addresses)


async def _status_after(parts: Parts, changed: Sandbox) -> BaseModel:
    ports = await list_ports(parts, changed)
    return rendering.status(await observe.status(parts, changed, ports), parts.addresses)


async def _extend(call: Call) -> BaseModel:
    parts, sandbox = await _mine(call)
    cause = requested_by(call.caller)
    extended = await extend(parts, sandbox, call.body.timeout_seconds, cause)
    return await _status_after(parts, extended)


async def _pause(call: Call) -> BaseModel:
    parts, sandbox = await _mine(call)
    paused = await pause(parts, sandbox, requested_by(call.caller))
    return await _status_after(parts, paused)


async def _resume(call: Call) -> BaseModel:
    parts, sandbox = await _mine(call)
    resumed = await resume(parts, sandbox, requested_by(call.caller))
    return await _status_after(parts, resumed)


async def _destroy(call: Call) -> BaseModel:
    parts, sandbox = await _mine(call)
    await destroy(parts, sandbox, requested_by(call.caller))
    return answers.SandboxAnswer(sandbox_id=str(sandbox.id))


async def _expose(call: Call) -> BaseModel:
    parts, sandbox = await _mine(call)
    body: schemas.ExposeBody = call.body
    port = await expose(parts, sandbox, body.container_port, body.access, requested_by(call.caller))
    return answers.ExposeAnswer(
        sandbox_id=str(sandbox.id),
        container_port=port.port,
        access=port.access,
        url=parts.addresses.preview(sandbox.id, port.port),
        token=parts.port_tokens.token(sandbox.id, port) or None,
    )


async def _close(call: Call) -> BaseModel:
    parts, sandbox = await _mine(call)
    number = request.port_number(call.param("port"))
    await close(parts, sandbox, number, requested_by(call.caller))
    return answers.CloseAnswer(sandbox_id=str(sandbox.id), container_port=number)


async def _ports(call: Call) -> BaseModel:
    parts = _parts(call)
    sandbox, found = await owned_with_ports(parts, call.caller, call.param("id"))
    require_ports(sandbox)
    shown = rendering.ports(sandbox.id, found, parts.addresses)
    return answers.PortsAnswer(sandbox_id=str(sandbox.id), ports=shown)


async def _metrics(call: Call) -> BaseModel:
    parts, sandbox = await _mine(call)
    return rendering.metrics(sandbox.id, await observe.usage(parts, sandbox))


async def _events(call: Call) -> BaseModel:
    query: schemas.PageQuery = call.query
    before = rendering.before_of(query.cursor)
    parts, sandbox = await _mine(call)
    found = await observe.log(parts, sandbox, before, query.limit)
    shown, last = rendering.page(found, query.limit)
    return answers.EventsAnswer(
        events=[rendering.event(event) for event in shown],
        next_cursor=rendering.cursor_of(last.number) if last else None,
    )


async def _token(call: Call) -> BaseModel:
    parts, sandbox = await _mine(call)
    body: schemas.TokenBody = call.body
    issued = await issue(parts, sandbox, call.caller, body.ttl_seconds, body.container_port)
    return answers.TokenAnswer(
        token=issued.token,
        expires_at=datetime.fromtimestamp(issued.expires_at, UTC),
        entry_url=issued.entry_url,
    )


async def _templates(call: Call) -> BaseModel:
    found = _parts(call).catalog.templates.values()
    return answers.TemplatesAnswer(templates=[rendering.template(each) for each in found])


async def _limits(call: Call) -> BaseModel:
    parts = _parts(call)
    caller = call.caller
    used = await observe.holdings(parts, UUID(caller.user_id), caller.key_id or None)
    return rendering.limits(parts.settings, used, by_key=bool(caller.key_id))


OWN = ("sandbox_not_found",)
OPERATE = ("sandbox_not_found", "sandbox_destroyed", "wrong_state")
_ONE = "/sandbox/{id}"
_READ = "sandbox:read"
_WRITE = "sandbox:write"


def endpoints() -> list[Endpoint]:
    """All of them; the handlers find their parts in the application's state."""
    return [*_life(), *_looks(), *_openings()]


def _life() -> list[Endpoint]:
    status = answers.StatusAnswer
    return [
        Endpoint(
            "POST", "/sandbox/create", _create, "Create a sandbox",
            scope=_WRITE, body=schemas.CreateBody, body_optional=True,
            response=answers.CreateAnswer, status=201, other_statuses=(202,),
            errors=("image_not_allowed", "idempotency_conflict", "sandbox_destroyed",
                    "quota_exceeded", "capacity"),
            example={"template": "default", "timeoutSeconds": 600},
            request_headers={"Idempotency-Key": "The same key and body: the same answer (24 h)."},
        ),
        Endpoint(
            "POST", f"{_ONE}/extend", _extend, "Set when a sandbox expires",
            scope=_WRITE, body=schemas.ExtendBody, response=status, errors=OPERATE, exists=_mine,
            example={"timeoutSeconds": 600},
        ),
        Endpoint(
            "POST", f"{_ONE}/pause", _pause, "Freeze all processes of a sandbox",
            scope=_WRITE, response=status, errors=OPERATE,
        ),
        Endpoint(
            "POST", f"{_ONE}/resume", _resume, "Let a paused sandbox run on",
            scope=_WRITE, response=status, errors=OPERATE,
        ),
        Endpoint(
            "POST", f"{_ONE}/destroy", _destroy, "Destroy a sandbox",
            scope=_WRITE, response=answers.SandboxAnswer, errors=OWN,
        ),
        Endpoint(
            "DELETE", _ONE, _destroy, "Destroy a sandbox",
            scope=_WRITE, response=answers.SandboxAnswer, errors=OWN,
        ),
    ]  # fmt: skip


def _looks() -> list[Endpoint]:
    return [
        Endpoint(
            "GET", "/sandbox", _list, "List one's sandboxes, newest first",
            scope=_READ, query=schemas.ListQuery, response=answers.ListAnswer,
        ),
        Endpoint(
            "GET", f"{_ONE}/status", _status, "How a sandbox is",
            scope=_READ, response=answers.StatusAnswer, errors=OWN,
        ),
        Endpoint(
            "GET", f"{_ONE}/metrics", _metrics, "What a sandbox uses",
            scope=_READ, response=answers.MetricsAnswer, errors=OPERATE,
        ),
        Endpoint(
            "GET", f"{_ONE}/events", _events, "A sandbox's lifecycle log, newest first",
            scope=_READ, query=schemas.PageQuery, response=answers.EventsAnswer, errors=OWN,
            exists=_mine,
        ),
        Endpoint(
            "GET", "/api/limits", _limits, "What one may use, and uses now",
            credential="either", scope=_READ, response=answers.LimitsAnswer, tag="limits",
        ),
        Endpoint(
            "GET", "/api/templates", _templates, "What sandboxes can be made from",
            credential="either", scope=_READ, response=answers.TemplatesAnswer, tag="templates",
        ),
    ]  # fmt: skip


def _openings() -> list[Endpoint]:
    return [
        Endpoint(
            "POST", f"{_ONE}/expose", _expose, "Open a port of a sandbox",
            scope=_WRITE, body=schemas.ExposeBody, response=answers.ExposeAnswer,
            errors=OPERATE, example={"containerPort": 8000}, tag="ports", exists=_mine,
        ),
        Endpoint(
            "DELETE", f"{_ONE}/expose/{{port}}", _close, "Close a port",
            scope=_WRITE, response=answers.CloseAnswer, errors=(*OPERATE, "port_not_exposed"),
            tag="ports",
        ),
        Endpoint(
            "GET", f"{_ONE}/ports", _ports, "Open ports of a sandbox",
            scope=_READ, response=answers.PortsAnswer, errors=OPERATE, tag="ports",
        ),
        Endpoint(
            "POST", f"{_ONE}/token", _token, "A token that opens one sandbox, for a browser",
            scope=_WRITE, body=schemas.TokenBody, body_optional=True,
            response=answers.TokenAnswer, errors=(*OPERATE, "port_not_exposed"), tag="ports",
            example={"ttlSeconds": 300}, exists=_mine,
        ),
    ]  # fmt: skip
