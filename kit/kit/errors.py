"""Errors that know their stable code.

    Failure
    ├── InvalidJson            the body is not JSON
    ├── ValidationFailed       a field is missing, unknown, of the wrong type or out of range
    ├── Unauthenticated        no credential, or one that opens nothing
    ├── ScopeMissing           a valid credential that may not do this
    ├── NotFound               nothing here, or nothing of yours
    ├── MethodNotAllowed       the path exists, the method does not
    ├── BodyTooLarge           more bytes than the route takes
    ├── UnsupportedMediaType   a body of a type that the route does not read
    ├── RateLimited            too many requests
    ├── Unavailable            a part that is needed does not answer; safe to retry
    ├── DeadlineExceeded       a deadline passed; what was asked may have happened
    └── Internal               a defect of ours

Services derive their own from `Failure`; `kit.problems` maps codes to HTTP and gRPC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field: its name in the public spelling (dots into objects) and what is wrong."""

    field: str
    message: str


class Failure(Exception):
    """Anything that is answered with a problem document instead of a result."""

    code: ClassVar[str] = "internal"

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        retry_after: float | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.retry_after = retry_after
        self.headers = tuple(headers)


class InvalidJson(Failure):
    code = "invalid_json"


class ValidationFailed(Failure):
    code = "validation_failed"

    @classmethod
    def of(cls, field: str, message: str) -> "ValidationFailed":
        """The failure of a single field."""
        return cls(f"{field}: {message}", errors=[FieldError(field, message)])


class Unauthenticated(Failure):
    """Carries a reason code for the log; the answer is the same for all reasons."""

    code = "unauthenticated"

    def __init__(self, reason: str) -> None:
        super().__init__(
            "A valid credential is required.", headers=[("WWW-Authenticate", "Bearer")]
        )
        self.reason = reason


class ScopeMissing(Failure):
    code = "scope_missing"


class NotFound(Failure):
    code = "not_found"


class MethodNotAllowed(Failure):
    code = "method_not_allowed"


class BodyTooLarge(Failure):
    code = "body_too_large"


class UnsupportedMediaType(Failure):
    code = "unsupported_media_type"


class RateLimited(Failure):
    code = "rate_limited"


class Unavailable(Failure):
    code = "unavailable"


class DeadlineExceeded(Failure):
    code = "timeout"


class Internal(Failure):
    code = "internal"
