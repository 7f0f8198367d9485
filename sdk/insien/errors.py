"""Everything that can go wrong, as one tree.

InsienError
├── Invalid            400, 405, 413, 415 …: the request is wrong; `errors` names the fields
├── Unauthenticated    401: no credential, or one that opens nothing
├── Forbidden          403: a valid credential that may not do this
├── NotFound           404: nothing here, or nothing of yours
├── Conflict           409: it stands against what is there, or the sandbox's state
├── Gone               410: the sandbox has ended
├── RateLimited        429: too many requests, or a quota is used up; `retry_after`
├── PortNotListening   502: nothing listens on that port in the sandbox
├── Unavailable        503: a part is restarting or full; `retry_after`, safe to try again
├── DeadlineExceeded   504: a deadline passed; what was asked may have happened
├── DiskFull           507: the sandbox has no room
├── ServerError        any other 5xx: a defect of the server
├── ConnectionLost     no answer at all; what was asked may have happened
├── NotConfigured      no API key was given
└── CommandFailed      `Result.check()` of a command that did not end with 0
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong field of a request: its name in the API's spelling, and what is wrong."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What the server said (RFC 9457). Without an answer `status` is 0 and `request_id` empty."""

    detail: str
    code: str
    status: int = 0
    request_id: str = ""
    errors: tuple[FieldError, ...] = ()
    retry_after: float | None = None
    """Seconds; None when the server named none."""


class InsienError(Exception):
    """Base of all; `code` is a stable word, `request_id` finds the request in the logs."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem

    @property
    def detail(self) -> str:
        return self.problem.detail

    @property
    def code(self) -> str:
        return self.problem.code

    @property
    def status(self) -> int:
        return self.problem.status

    @property
    def request_id(self) -> str:
        return self.problem.request_id

    def __str__(self) -> str:
        where = f", request {self.request_id}" if self.request_id else ""
        number = f"{self.status} " if self.status else ""
        return f"{self.detail} ({number}{self.code}{where})"


class Invalid(InsienError):
    @property
    def errors(self) -> tuple[FieldError, ...]:
        return self.problem.errors


class Unauthenticated(InsienError):
    pass


class Forbidden(InsienError):
    pass


class NotFound(InsienError):
    pass


class Conflict(InsienError):
    pass


class Gone(InsienError):
    pass


class RateLimited(InsienError):
    @property
    def retry_after(self) -> float | None:
        return self.problem.retry_after


class PortNotListening(InsienError):
    pass


class Unavailable(InsienError):
    @property
    def retry_after(self) -> float | None:
        return self.problem.retry_after


class DeadlineExceeded(InsienError):
    pass


class DiskFull(InsienError):
    pass


class ServerError(InsienError):
    pass


class ConnectionLost(InsienError):
    def __init__(self, detail: str) -> None:
        super().__init__(Problem(detail, "connection_lost"))


class NotConfigured(InsienError):
    def __init__(self) -> None:
        super().__init__(Problem("Give api_key, or set INSIEN_API_KEY.", "not_configured"))


class CommandFailed(InsienError):
    """`exit_code` is None when a signal ended it."""

    def __init__(self, exit_code: int | None, signal: str | None, stderr: str) -> None:
        how = f"was ended by {signal}" if signal else f"ended with exit code {exit_code}"
        last = stderr.strip().rpartition("\n")[2]
        detail = f"The command {how}" + (f": {last}" if last else ".")
        super().__init__(Problem(detail, "command_failed"))
        self.exit_code = exit_code
        self.signal = signal
        self.stderr = stderr


BY_STATUS: dict[int, type[InsienError]] = {
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    429: RateLimited,
    502: PortNotListening,
    503: Unavailable,
    504: DeadlineExceeded,
    507: DiskFull,
}


def error_class(status: int) -> type[InsienError]:
    """The class for a status of 400 and above."""
    return BY_STATUS.get(status) or (Invalid if status < 500 else ServerError)
