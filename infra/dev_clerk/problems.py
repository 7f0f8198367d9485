"""Two ways to say no: Clerk's own error document, and a problem document for `/dev/*`."""

import uuid
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class ClerkError(Exception):
    """What Clerk's Backend API answers: `{"errors":[{"message","long_message","code"}]}`."""

    def __init__(self, status: int, code: str, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.parameter = parameter


class DevError(Exception):
    """A refused `/dev/*` request; `field` is the one at fault, if any."""

    def __init__(self, status: int, code: str, detail: str, field: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.field = field


def invalid(field: str, detail: str) -> DevError:
    return DevError(400, "validation_failed", f"{field}: {detail}", field)


def clerk_answer(_: Request, error: Exception) -> Response:
    assert isinstance(error, ClerkError)
    item: dict[str, object] = {
        "message": error.message,
        "long_message": error.message,
        "code": error.code,
    }
    if error.parameter:
        item["meta"] = {"param_name": error.parameter}
    document = {"errors": [item], "clerk_trace_id": uuid.uuid4().hex}
    headers = {"Retry-After": "1"} if error.status == 503 else None
    return JSONResponse(document, error.status, headers)


def dev_answer(_: Request, error: Exception) -> Response:
    assert isinstance(error, DevError)
    document: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(error.status).phrase,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    if error.field:
        document["errors"] = [{"field": error.field, "message": error.detail}]
    return JSONResponse(document, error.status, media_type="application/problem+json")
