"""`/dev/*`, for people and tests: make users and tokens, rotate keys, be out of service."""

import re
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.dev_clerk.body import json_object, mapping, number, only, text
from infra.dev_clerk.clerk_routes import Clerk
from infra.dev_clerk.problems import DevError, invalid
from infra.dev_clerk.session import TokenRequest, session_token
from infra.dev_clerk.store import Store, User
from infra.dev_clerk.users import new_user

EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
TTL_SECONDS = 10 * 365 * 86_400
DOWN_SECONDS = 3600.0


def _clerk(request: Request) -> Clerk:
    clerk: Clerk = request.app.state.clerk
    return clerk


async def create_user(request: Request) -> Response:
    """201 and the new user's id; 200 and the same id when the address is known already."""
    store = _clerk(request).store
    body = await json_object(request)
    only(body, {"email", "firstName", "lastName", "username"})
    email = text(body, "email")
    if email is None or not EMAIL.fullmatch(email):
        raise invalid("email", "must be an email address")
    names = (text(body, "firstName"), text(body, "lastName"), text(body, "username"))
    if known := store.by_email(email):
        return JSONResponse({"userId": known["id"]})
    username = names[2]
    if username and any(user["username"] == username for user in store.users.values()):
        raise DevError(409, "already_exists", "username: is taken", "username")
    user = new_user(email, *names)
    store.users[user["id"]] = user
    store.save()
    return JSONResponse({"userId": user["id"]}, 201)


async def list_users(request: Request) -> Response:
    users = _clerk(request).store.users.values()
    shown = [
        {"userId": user["id"], "email": user["email_addresses"][0]["email_address"]}
        for user in users
    ]
    return JSONResponse({"users": shown})


async def delete_user(request: Request) -> Response:
    """Twice is once. No webhook is sent."""
    store = _clerk(request).store
    if store.users.pop(request.path_params["user_id"], None) is not None:
        store.save()
    return JSONResponse({"success": True})


async def create_token(request: Request) -> Response:
    clerk = _clerk(request)
    body = await json_object(request)
    only(body, {"userId", "email", "ttlSeconds", "claims", "header"})
    user = _token_user(clerk.store, body)
    ttl = number(body, "ttlSeconds", -TTL_SECONDS, TTL_SECONDS)
    if ttl is not None and ttl != int(ttl):
        raise invalid("ttlSeconds", "must be whole seconds")
    wanted = TokenRequest(
        user_id=user["id"],
        ttl_seconds=3600 if ttl is None else int(ttl),
        claims=mapping(body, "claims"),
        header=mapping(body, "header"),
    )
    token = session_token(clerk.settings, clerk.store.keys[-1], wanted, int(time.time()))
    return JSONResponse({"token": token})


def _token_user(store: Store, body: dict[str, Any]) -> User:
    """A token never makes a user: an unknown one is 404."""
    user_id, email = text(body, "userId"), text(body, "email")
    if (user_id is None) == (email is None):
        raise invalid("userId", "give userId or email, one of them")
    user = store.users.get(user_id) if user_id is not None else store.by_email(email or "")
    if user is None:
        raise DevError(404, "not_found", "there is no such user")
    return user


async def rotate_keys(request: Request) -> Response:
    """`{"retireOld": true}` takes the old keys out of the JWKS at once."""
    body = await json_object(request)
    only(body, {"retireOld"})
    retire = body.get("retireOld", False)
    if not isinstance(retire, bool):
        raise invalid("retireOld", "must be true or false")
    return JSONResponse({"kid": _clerk(request).store.rotate(retire).kid})


async def be_down(request: Request) -> Response:
    """All Clerk endpoints answer 503 for so long; 0 ends it. `/dev/*` goes on working."""
    body = await json_object(request)
    only(body, {"seconds"})
    seconds = number(body, "seconds", 0, DOWN_SECONDS)
    if seconds is None:
        raise invalid("seconds", "is required")
    _clerk(request).down_until = time.monotonic() + seconds
    return JSONResponse({"success": True})


ROUTES = [
    Route("/dev/users", create_user, methods=["POST"]),
    Route("/dev/users", list_users),
    Route("/dev/users/{user_id}", delete_user, methods=["DELETE"]),
    Route("/dev/tokens", create_token, methods=["POST"]),
    Route("/dev/keys/rotate", rotate_keys, methods=["POST"]),
    Route("/dev/down", be_down, methods=["POST"]),
]
