"""Who holds a credential: auth is asked, and its answer kept for a few seconds.

The cache is keyed by a digest under a key of this process, never by the credential. An answer is
kept for 4.5 s at most, counted from before auth was asked; a revocation drops it at once, and one
that comes while auth is being asked keeps the answer from being kept.
"""

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import blake2b
from time import monotonic, time
from typing import Protocol, TypeVar

import grpc

from gateway import metrics
from kit.caller import Caller, CallerTokens
from kit.errors import DeadlineExceeded, Failure, RateLimited, Unauthenticated, Unavailable
from kit.rpc import REASON_KEY, RETRY_AFTER_KEY, Rpc, failure_code
from wire.auth.v1 import auth_pb2, auth_pb2_grpc

logger = logging.getLogger(__name__)

TTL_SECONDS = 4.5
REFUSED_TTL_SECONDS = 1.0
HEADER_SECONDS = 25.0
"""A caller header is minted anew after this long; it is good for 60 s."""
SIZE = 20_000
CALL_SECONDS = 5.0
TOKEN_SECONDS = 3600.0
"""The longest life of a sandbox token."""

K = TypeVar("K")
V = TypeVar("V")


class Directory(Protocol):
    """Whoever knows credentials."""

    async def authenticate(self, credential: str, address: str) -> Caller:
        """The caller. Raises Unauthenticated, RateLimited or Unavailable."""


class AuthDirectory:
    """The auth service."""

    def __init__(self, rpc: Rpc, call_seconds: float = CALL_SECONDS) -> None:
        self._rpc = rpc
        self._call_seconds = call_seconds
        self._stub = auth_pb2_grpc.AuthStub(rpc.channel)  # type: ignore[no-untyped-call]  # generated

    async def authenticate(self, credential: str, address: str) -> Caller:
        """Asks auth, at most 5 s. That it took longer changed nothing: Unavailable, not a doubt."""
        request = auth_pb2.AuthenticateRequest(credential=credential, address=address)
        try:
            answer = await self._rpc.call(
                self._stub.Authenticate, request, seconds=self._call_seconds
            )
        except DeadlineExceeded as error:
            raise _unavailable() from error
        except grpc.aio.AioRpcError as error:
            raise _failure(error) from error
        identity = answer.identity
        return Caller(
            kind="key" if identity.key_id else "session",
            user_id=identity.user_id,
            key_id=identity.key_id,
            key_prefix=identity.key_prefix,
            clerk_id=identity.clerk_id,
            scopes=frozenset(identity.scopes),
            expires_at=identity.expires_at_ms / 1000,
        )


def _failure(error: grpc.aio.AioRpcError) -> Failure:
    code = failure_code(error)
    if code == "unauthenticated" or code.startswith("token_"):
        return Unauthenticated(_told(error, REASON_KEY) or "refused_by_auth")
    if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return RateLimited(
            "Too many wrong credentials; wait a little.",
            retry_after=float(_told(error, RETRY_AFTER_KEY) or 30),
        )
    logger.warning("auth refused a call: %s %s", error.code(), error.details())
    return _unavailable()


def _unavailable() -> Unavailable:
    return Unavailable("Credentials cannot be checked now.", retry_after=1)


def _told(error: grpc.aio.AioRpcError, key: str) -> str:
    return next((str(value) for name, value in error.trailing_metadata() or () if name == key), "")


@dataclass(slots=True)
class Known:
    """A caller, until when that holds, and the headers minted for it, by address."""

    caller: Caller
    until: float
    headers: dict[str, tuple[float, bytes]]


class Identities:
    """The cache, at most 20,000 credentials, the least recently asked for dropped first."""

    def __init__(
        self, directory: Directory, tokens: CallerTokens, clock: Callable[[], float] = monotonic
    ) -> None:
        self._directory = directory
        self._tokens = tokens
        self._clock = clock
        self._secret = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._refused: OrderedDict[bytes, float] = OrderedDict()
        self._calls: dict[bytes, asyncio.Task[Known]] = {}
        self._revoked: OrderedDict[str, float] = OrderedDict()
        self._epoch = 0

    def digest(self, credential: bytes) -> bytes:
        """What stands for a credential here: keyed, with a key that dies with this process."""
        return blake2b(credential, digest_size=32, key=self._secret).digest()

    def known(self, digest: bytes) -> Known | None:
        """Who it is, if that is known now."""
        known = self._known.get(digest)
        if known is None or self._clock() >= known.until:
            return None
        metrics.IDENTITY_HITS.value += 1
        return known

    async def identify(self, credential: str, address: str) -> Known:
        """Who it is. Raises Unauthenticated, RateLimited or Unavailable."""
        digest = self.digest(credential.encode())
        known = self.known(digest)
        if known is not None:
            return known
        now = self._clock()
        if self._refused.get(digest, 0.0) > now:
            raise Unauthenticated("refused_before")
        metrics.IDENTITY_MISSES.value += 1
        call = self._calls.get(digest)
        if call is None:
            call = asyncio.create_task(self._ask(digest, credential, address))
            self._calls[digest] = call
            call.add_done_callback(lambda task: self._done(digest, task))
        return await asyncio.shield(call)

    def header(self, known: Known, address: str) -> bytes:
        """The caller header of a caller at an address."""
        now = self._clock()
        minted = known.headers.get(address)
        if minted is not None and now < minted[0]:
            return minted[1]
        if len(known.headers) > 64:
            known.headers.clear()
        value = self._tokens.mint(replace(known.caller, address=address)).encode()
        known.headers[address] = (now + HEADER_SECONDS, value)
        return value

    def revoke(self, *, key_id: str = "", user_id: str = "") -> None:
        """Forgets a key, or everything of a user."""
        self._epoch += 1
        self._calls.clear()
        _keep(self._revoked, key_id or user_id, self._clock() + TOKEN_SECONDS)
        gone = [
            digest
            for digest, known in self._known.items()
            if (key_id and known.caller.key_id == key_id)
            or (user_id and not key_id and known.caller.user_id == user_id)
        ]
        for digest in gone:
            del self._known[digest]

    def stands(self, caller: Caller) -> bool:
        """Whether whoever had a sandbox token made was not revoked since, as far as we heard."""
        now = self._clock()
        return not any(
            self._revoked.get(name, 0.0) > now for name in (caller.key_id, caller.user_id) if name
        )

    def clear(self) -> None:
        """Forgets everything: revocations may have been missed."""
        self._epoch += 1
        self._calls.clear()
        self._known.clear()

    async def _ask(self, digest: bytes, credential: str, address: str) -> Known:
        started, epoch = self._clock(), self._epoch
        try:
            caller = await self._directory.authenticate(credential, address)
        except Unauthenticated:
            _keep(self._refused, digest, self._clock() + REFUSED_TTL_SECONDS)
            raise
        until = started + TTL_SECONDS
        if caller.expires_at:
            until = min(until, started + caller.expires_at - time())
        known = Known(caller, until, {})
        if epoch == self._epoch:
            _keep(self._known, digest, known)
        return known

    def _done(self, digest: bytes, task: asyncio.Task[Known]) -> None:
        if self._calls.get(digest) is task:
            del self._calls[digest]
        if not task.cancelled():
            task.exception()  # those who waited have it


def _keep(cache: OrderedDict[K, V], digest: K, value: V) -> None:
    cache[digest] = value
    cache.move_to_end(digest)
    while len(cache) > SIZE:
        cache.popitem(last=False)
