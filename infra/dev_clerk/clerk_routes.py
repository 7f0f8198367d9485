"""What auth asks Clerk: the JWKS, and users through the Backend API."""

import hmac
import time
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.dev_clerk.body import clerk_object
from infra.dev_clerk.problems import ClerkError
from infra.dev_clerk.settings import ClerkSettings
from infra.dev_clerk.store import Store, User
from infra.dev_clerk.users import add_phone_number, find_user, merge_metadata, touch, update_user

PAGE_DEFAULT, PAGE_MAX = 10, 500
ORDERS = ("created_at", "updated_at")


@dataclass(slots=True)
class Clerk:
    """The state that the routes share."""

    settings: ClerkSettings
    store: Store
    down_until: float = 0.0
    """On the monotonic clock: until then every Clerk endpoint answers 503."""

    def check_up(self) -> None:
        if time.monotonic() < self.down_until:
            raise ClerkError(503, "service_unavailable", "Clerk is down (POST /dev/down)")

    def check_bearer(self, request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        wanted = self.settings.secret_key
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), wanted.encode()):
            raise ClerkError(401, "clerk_key_invalid", "The provided Clerk Secret Key is invalid.")


def _open(request: Request) -> Clerk:
    clerk: Clerk = request.app.state.clerk
    clerk.check_up()
    return clerk


def _guarded(request: Request) -> Store:
    clerk = _open(request)
    clerk.check_bearer(request)
    return clerk.store


async def jwks(request: Request) -> Response:
    clerk = _open(request)
    return JSONResponse({"keys": [key.jwk() for key in clerk.store.keys]})


async def get_user(request: Request) -> Response:
    store = _guarded(request)
    return JSONResponse(find_user(store, request.path_params["user_id"]))


async def patch_user(request: Request) -> Response:
    store = _guarded(request)
    user = find_user(store, request.path_params["user_id"])
    return JSONResponse(update_user(store, user, await clerk_object(request)))


async def patch_metadata(request: Request) -> Response:
    store = _guarded(request)
    user = find_user(store, request.path_params["user_id"])
    return JSONResponse(merge_metadata(store, user, await clerk_object(request)))


async def delete_user(request: Request) -> Response:
    store = _guarded(request)
    user = find_user(store, request.path_params["user_id"])
    del store.users[user["id"]]
    store.save()
    return JSONResponse({"object": "user", "id": user["id"], "deleted": True})


async def list_users(request: Request) -> Response:
    """A bare array, newest first unless `order_by` says otherwise."""
    store = _guarded(request)
    limit = _integer(request, "limit", PAGE_DEFAULT, 1, PAGE_MAX)
    offset = _integer(request, "offset", 0, 0, 10**9)
    order = request.query_params.get("order_by", "-created_at")
    if order.lstrip("+-") not in ORDERS:
        raise ClerkError(422, "form_param_value_invalid", "unknown order", "order_by")
    users = [user for user in store.users.values() if _selected(request, user)]
    users.sort(key=lambda user: (user[order.lstrip("+-")], user["id"]))
    if order.startswith("-"):
        users.reverse()
    return JSONResponse(users[offset : offset + limit])


async def count_users(request: Request) -> Response:
    store = _guarded(request)
    total = sum(_selected(request, user) for user in store.users.values())
    return JSONResponse({"object": "total_count", "total_count": total})


async def create_phone_number(request: Request) -> Response:
    store = _guarded(request)
    body = await clerk_object(request)
    user = find_user(store, str(body.get("user_id")))
    primary = body.get("primary") is True
    return JSONResponse(add_phone_number(store, user, body.get("phone_number"), primary))


async def delete_phone_number(request: Request) -> Response:
    store = _guarded(request)
    wanted = request.path_params["phone_id"]
    for user in store.users.values():
        left = [item for item in user["phone_numbers"] if item["id"] != wanted]
        if len(left) < len(user["phone_numbers"]):
            first = left[0]["id"] if left else None
            touch(user, {"phone_numbers": left, "primary_phone_number_id": first})
            store.save()
            return JSONResponse({"object": "phone_number", "id": wanted, "deleted": True})
    raise ClerkError(404, "resource_not_found", "not found")


def _selected(request: Request, user: User) -> bool:
    """The filters `user_id` and `email_address`, each repeatable, with or without `[]`."""
    ids = [*request.query_params.getlist("user_id"), *request.query_params.getlist("user_id[]")]
    if ids and user["id"] not in ids:
        return False
    names = ("email_address", "email_address[]")
    emails = {item.lower() for name in names for item in request.query_params.getlist(name)}
    return not emails or any(e["email_address"] in emails for e in user["email_addresses"])


def _integer(request: Request, name: str, default: int, low: int, high: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ClerkError(422, "form_param_format_invalid", f"{low} to {high}", name)
    return int(text)


ROUTES = [
    Route("/.well-known/jwks.json", jwks),
    Route("/v1/jwks", jwks),
    Route("/v1/users", list_users),
    Route("/v1/users/count", count_users),
    Route("/v1/users/{user_id}", get_user),
    Route("/v1/users/{user_id}", patch_user, methods=["PATCH"]),
    Route("/v1/users/{user_id}", delete_user, methods=["DELETE"]),
    Route("/v1/users/{user_id}/metadata", patch_metadata, methods=["PATCH"]),
    Route("/v1/phone_numbers", create_phone_number, methods=["POST"]),
    Route("/v1/phone_numbers/{phone_id}", delete_phone_number, methods=["DELETE"]),
]
