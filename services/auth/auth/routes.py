"""The HTTP routes of auth: each parses, calls one function, renders."""

from dataclasses import replace
from datetime import timedelta

from pydantic import BaseModel
from starlette.responses import Response

from auth import models
from auth.identity import SCOPES
from auth.keys import Issued, Owner, Wish
from auth.parts import Parts, installed
from auth.tables.audit import Recorded
from auth.tables.outage import unavailable_when_down
from auth.tables.users import User
from kit.asgi import json_response
from kit.endpoint import Call, Endpoint
from kit.parse import read_body

_SVIX_HEADERS = {
    "svix-id": "Id of the delivery.",
    "svix-timestamp": "When it was signed, in seconds since 1970.",
    "svix-signature": "Signatures, `v1,<base64>`, separated by blanks.",
}


def _parts(call: Call) -> Parts:
    return installed(call.request.app)


def _owner(call: Call) -> Owner:
    return Owner(call.caller.user_id, call.caller.address)


def _user(user: User) -> models.UserAnswer:
    fields = {name: getattr(user, name) for name in models.User.model_fields}
    return models.UserAnswer(user=models.User(**fields))


def _issued(issued: Issued) -> models.IssuedKeyAnswer:
    key = issued.key
    return models.IssuedKeyAnswer(
        api_key=models.IssuedKey(
            id=key.id,
            key=issued.secret,
            prefix=key.prefix,
            name=key.name,
            scopes=list(key.scopes),
            created_at=key.created_at,
            expires_at=key.expires_at,
        )
    )


def _event(recorded: Recorded) -> models.AuditEvent:
    entry = recorded.entry
    return models.AuditEvent.model_validate(
        {
            "id": str(recorded.id),
            "at": entry.at,
            "type": entry.type,
            "actor": entry.actor,
            "address": entry.address or None,
            "key_id": entry.key_id,
            "key_prefix": entry.key_prefix or None,
            "request_id": entry.request_id or None,
            "data": entry.data,
        }
    )


async def get_me(call: Call) -> BaseModel:
    return _user(await _parts(call).users.me(call.caller.user_id))


async def patch_me(call: Call) -> BaseModel:
    body: models.UserChange = call.body
    changes = body.model_dump(exclude_unset=True)
    user = await _parts(call).users.change(call.caller.user_id, changes, call.caller.address)
    return _user(user)


async def post_key(call: Call) -> BaseModel:
    body: models.NewKey = call.body
    days = body.expires_in_days
    wish = Wish(
        name=body.name,
        scopes=tuple(body.scopes or SCOPES),
        lifetime=timedelta(days=days) if days is not None else None,
    )
    return _issued(await _parts(call).keys.issue(_owner(call), wish))


async def get_keys(call: Call) -> BaseModel:
    keys = await _parts(call).keys.list(_owner(call))
    fields = models.ListedKey.model_fields
    listed = [models.ListedKey(**{name: getattr(key, name) for name in fields}) for key in keys]
    return models.KeysAnswer(api_keys=listed)


async def delete_key(call: Call) -> BaseModel:
    await _parts(call).keys.revoke(_owner(call), call.param("id"))
    return models.Done()


async def rotate_key(call: Call) -> BaseModel:
    body: models.Rotation = call.body
    grace = timedelta(seconds=body.grace_seconds)
    return _issued(await _parts(call).keys.rotate(_owner(call), call.param("id"), grace))


async def get_audit(call: Call) -> BaseModel:
    query: models.AuditQuery = call.query
    page = await _parts(call).audit.page(call.caller.user_id, query.limit, query.cursor)
    events = [_event(recorded) for recorded in page.entries]
    return models.AuditAnswer(events=events, next_cursor=page.next_cursor)


async def post_clerk_webhook(call: Call) -> Response:
    await _parts(call).webhooks.receive(call.request.headers, await read_body(call.request))
    return json_response(models.Done())


_USERS = [
    Endpoint(
        "GET",
        "/api/users/me",
        get_me,
        "The signed-in user.",
        credential="session",
        response=models.UserAnswer,
        tag="users",
    ),
    Endpoint(
        "PATCH",
        "/api/users/me",
        patch_me,
        "Change the signed-in user; fields that Clerk owns are written to Clerk first.",
        credential="session",
        body=models.UserChange,
        response=models.UserAnswer,
        example={"metadata": {"team": "blue"}},
        tag="users",
    ),
    Endpoint(
        "GET",
        "/api/audit",
        get_audit,
        "One's own audit log, newest first.",
        credential="session",
        query=models.AuditQuery,
        response=models.AuditAnswer,
        tag="users",
    ),
    Endpoint(
        "POST",
        "/api/webhooks/clerk",
        post_clerk_webhook,
        "Takes Clerk's webhooks, signed by Svix.",
        credential="none",
        raw_body="application/json",
        response=models.Done,
        errors=("invalid_signature", "invalid_json", "validation_failed", "body_too_large"),
        request_headers=_SVIX_HEADERS,
        tag="users",
    ),
]


_KEYS = [
    Endpoint(
        "POST",
        "/api/keys",
        post_key,
        "Issue an API key; its secret is shown only in this answer.",
        credential="session",
        body=models.NewKey,
        response=models.IssuedKeyAnswer,
        status=201,
        example={"name": "My API Key", "expiresInDays": 30},
        tag="keys",
    ),
    Endpoint(
        "GET",
        "/api/keys",
        get_keys,
        "One's own API keys, newest first.",
        credential="session",
        response=models.KeysAnswer,
        tag="keys",
    ),
    Endpoint(
        "DELETE",
        "/api/keys/{id}",
        delete_key,
        "Revoke an API key; twice is once.",
        credential="session",
        response=models.Done,
        errors=("not_found",),
        tag="keys",
    ),
    Endpoint(
        "POST",
        "/api/keys/{id}/rotate",
        rotate_key,
        "Replace an API key's secret; the old one lives on for the grace time.",
        credential="session",
        body=models.Rotation,
        body_optional=True,
        response=models.IssuedKeyAnswer,
        status=201,
        errors=("not_found", "wrong_state"),
        example={"graceSeconds": 3600},
        tag="keys",
    ),
]


def endpoints() -> list[Endpoint]:
    """Every route, for serving and for describing."""
    found = [*_USERS, *_KEYS]
    return [replace(one, handler=unavailable_when_down(one.handler)) for one in found]
