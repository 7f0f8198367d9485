"""gRPC between the services: authenticated by a derived secret, every call with a deadline.

Metadata: `x-insien-internal` (derived from INTERNAL_SECRET), `x-request-id`, `traceparent`; in the
trailing metadata of a refusal `insien-code`, the stable error code, `insien-reason`, why a
credential was refused (for logs), and `insien-retry-after`, in seconds.
"""

import hmac
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from kit.context import accept_request_id, accept_traceparent, request_id, traceparent
from kit.errors import DeadlineExceeded, Failure, Unauthenticated, Unavailable
from kit.problems import GRPC_STATUS
from kit.tokens import derive

logger = logging.getLogger(__name__)

SECRET_KEY = "x-insien-internal"
CODE_KEY = "insien-code"
REASON_KEY = "insien-reason"
RETRY_AFTER_KEY = "insien-retry-after"

Q = TypeVar("Q")
A = TypeVar("A")


def secret_value(internal_secret: str) -> str:
    """What `x-insien-internal` must carry."""
    return derive(internal_secret, "rpc").hex()


class Rpc:
    """A channel to a service: one address or several (`a:1,b:1`, `dns:///name:port`), in turn."""

    def __init__(self, addresses: str, internal_secret: str) -> None:
        target = addresses
        if "," in addresses:
            target = f"ipv4:{addresses}"
        self.channel = grpc.aio.insecure_channel(
            target,
            options=[
                ("grpc.lb_policy_name", "round_robin"),
                ("grpc.keepalive_time_ms", 10_000),
                ("grpc.keepalive_timeout_ms", 3_000),
                ("grpc.keepalive_permit_without_calls", 1),
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 1_000),
                ("grpc.use_local_subchannel_pool", 1),
                # A restarted container has another address: look again after 1 s, not 30.
                ("grpc.dns_min_time_between_resolutions_ms", 1_000),
            ],
        )
        self._secret = (SECRET_KEY, secret_value(internal_secret))

    async def call(self, method: Callable[..., Awaitable[A]], request: Any, *, seconds: float) -> A:
        """One unary call with a deadline.

        Raises Unavailable when nobody answers and DeadlineExceeded when time is up; any other
        refusal is the library's `grpc.aio.AioRpcError` (`failure_code` tells our code).
        """
        metadata = (
            self._secret,
            ("x-request-id", request_id()),
            ("traceparent", traceparent()),
        )
        try:
            return await method(request, timeout=seconds, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            if failure_code(error):
                raise
            if error.code() is grpc.StatusCode.UNAVAILABLE:
                raise Unavailable("An internal service does not answer.", retry_after=1) from error
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise DeadlineExceeded(
                    "An internal service took too long; what was asked may have been done."
                ) from error
            raise

    async def close(self) -> None:
        """Closes the channel."""
        await self.channel.close()


def failure_code(error: grpc.aio.AioRpcError) -> str:
    """Our stable code in a refusal, or an empty string when the library itself refused."""
    trailing = error.trailing_metadata() or ()
    for key, value in trailing:
        if key == CODE_KEY:
            return value if isinstance(value, str) else value.decode()
    return ""


def _trailing(error: Failure) -> tuple[tuple[str, str], ...]:
    found = [(CODE_KEY, error.code)]
    if isinstance(error, Unauthenticated):
        found.append((REASON_KEY, error.reason))
    if error.retry_after is not None:
        found.append((RETRY_AFTER_KEY, f"{error.retry_after:.3f}"))
    return tuple(found)


class _Guard(grpc.aio.ServerInterceptor):
    """Refuses calls without the secret; maps failures to status codes; logs defects."""

    def __init__(self, internal_secret: str) -> None:
        self._secret = secret_value(internal_secret)

    async def intercept_service(
        self, continuation: Callable[..., Awaitable[Any]], details: grpc.HandlerCallDetails
    ) -> Any:
        handler = await continuation(details)
        if handler is None or details.method.startswith("/grpc.health."):
            return handler
        metadata = dict(details.invocation_metadata or ())
        allowed = hmac.compare_digest(str(metadata.get(SECRET_KEY, "")), self._secret)
        inner = handler.unary_unary

        async def guarded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            if not allowed:
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, "internal calls only")
            accept_request_id(str(metadata.get("x-request-id", "")))
            accept_traceparent(str(metadata.get("traceparent", "")))
            try:
                return await inner(request, context)
            except Failure as error:
                await context.abort(GRPC_STATUS[error.code], error.detail, _trailing(error))
            except grpc.aio.AbortError:
                raise
            except Exception:
                logger.exception("call failed", extra={"method": details.method})
                await context.abort(grpc.StatusCode.INTERNAL, "defect", ((CODE_KEY, "internal"),))

        return grpc.unary_unary_rpc_method_handler(
            guarded,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )


def create_server(internal_secret: str) -> grpc.aio.Server:
    """A server: health checks for anyone, everything else for holders of the secret."""
    server = grpc.aio.server(
        interceptors=[_Guard(internal_secret)],
        options=[
            ("grpc.so_reuseport", 0),
            ("grpc.keepalive_time_ms", 20_000),
            ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ("grpc.keepalive_permit_without_calls", 1),
        ],
    )
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    server.health = servicer  # type: ignore[attr-defined]  # set to NOT_SERVING by the one who drains
    return server


SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
