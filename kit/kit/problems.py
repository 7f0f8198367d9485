"""Problem documents (RFC 9457) and the two tables that map every code: to HTTP and to gRPC."""

import math
from dataclasses import asdict
from http import HTTPStatus

import grpc
from starlette.responses import JSONResponse

from kit.context import request_id
from kit.errors import Failure

MEDIA_TYPE = "application/problem+json"

HTTP_STATUS: dict[str, int] = {
    "invalid_json": 400,
    "validation_failed": 400,
    "ambiguous_credentials": 400,
    "invalid_signature": 400,
    "bad_request": 400,
    "unauthenticated": 401,
    "scope_missing": 403,
    "image_not_allowed": 403,
    "permission_denied": 403,
    "not_found": 404,
    "sandbox_not_found": 404,
    "process_not_found": 404,
    "file_not_found": 404,
    "port_not_exposed": 404,
    "method_not_allowed": 405,
    "request_timeout": 408,
    "idempotency_conflict": 409,
    "wrong_state": 409,
    "cancelled": 409,
    "already_exists": 409,
    "not_a_directory": 409,
    "is_a_directory": 409,
    "directory_not_empty": 409,
    "sandbox_destroyed": 410,
    "body_too_large": 413,
    "unsupported_media_type": 415,
    "range_not_satisfiable": 416,
    "expectation_failed": 417,
    "rate_limited": 429,
    "quota_exceeded": 429,
    "headers_too_large": 431,
    "internal": 500,
    "port_not_listening": 502,
    "unavailable": 503,
    "capacity": 503,
    "agent_disconnected": 503,
    "timeout": 504,
    "disk_full": 507,
}

_GRPC_BY_HTTP: dict[int, grpc.StatusCode] = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    405: grpc.StatusCode.UNIMPLEMENTED,
    408: grpc.StatusCode.DEADLINE_EXCEEDED,
    409: grpc.StatusCode.FAILED_PRECONDITION,
    410: grpc.StatusCode.FAILED_PRECONDITION,
    413: grpc.StatusCode.INVALID_ARGUMENT,
    415: grpc.StatusCode.INVALID_ARGUMENT,
    416: grpc.StatusCode.OUT_OF_RANGE,
    417: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    431: grpc.StatusCode.INVALID_ARGUMENT,
    500: grpc.StatusCode.INTERNAL,
    502: grpc.StatusCode.UNAVAILABLE,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
    507: grpc.StatusCode.RESOURCE_EXHAUSTED,
}

GRPC_STATUS: dict[str, grpc.StatusCode] = {
    code: _GRPC_BY_HTTP[status] for code, status in HTTP_STATUS.items()
}


def title(status: int) -> str:
    """The standard phrase of an HTTP status."""
    return HTTPStatus(status).phrase


def document(failure: Failure) -> dict[str, object]:
    """The problem document of a failure, as a JSON object."""
    status = HTTP_STATUS[failure.code]
    body: dict[str, object] = {
        "type": f"urn:insien:problem:{failure.code}",
        "title": title(status),
        "status": status,
        "detail": failure.detail,
        "code": failure.code,
        "requestId": request_id(),
        "error": failure.detail,
        "success": False,
    }
    if failure.errors:
        body["errors"] = [asdict(error) for error in failure.errors]
    return body


def response(failure: Failure) -> JSONResponse:
    """The HTTP answer of a failure, with its headers; never cached."""
    headers = {"Cache-Control": "no-store", **dict(failure.headers)}
    if failure.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(failure.retry_after)))
    return JSONResponse(
        document(failure), HTTP_STATUS[failure.code], headers=headers, media_type=MEDIA_TYPE
    )
