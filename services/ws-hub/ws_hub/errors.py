"""What the hub refuses or fails with, and what an agent's End codes mean to the caller.

Failure
├── SandboxNotFound, SandboxDestroyed, WrongState      who and in which state
├── AgentDisconnected                                  no way to the agent
├── Capacity                                           a bound of this hub or agent
├── ProcessNotFound, FileNotFound, PortNotListening
├── AlreadyExists, NotADirectory, IsADirectory, DirectoryNotEmpty
├── PermissionDenied, DiskFull, RangeNotSatisfiable
└── Cancelled                                          by a `cancel` frame, on client sockets only
"""

from kit.errors import DeadlineExceeded, Failure, Unavailable, ValidationFailed
from wire.agent.v1.agent_pb2 import End


class SandboxNotFound(Failure):
    code = "sandbox_not_found"


class SandboxDestroyed(Failure):
    code = "sandbox_destroyed"


class WrongState(Failure):
    code = "wrong_state"


class AgentDisconnected(Failure):
    code = "agent_disconnected"

    def __init__(self, detail: str = "The sandbox's agent is not connected.") -> None:
        super().__init__(detail, retry_after=1)


class Capacity(Failure):
    code = "capacity"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, retry_after=1)


class ProcessNotFound(Failure):
    code = "process_not_found"


class FileNotFound(Failure):
    code = "file_not_found"


class PortNotListening(Failure):
    code = "port_not_listening"


class AlreadyExists(Failure):
    code = "already_exists"


class NotADirectory(Failure):
    code = "not_a_directory"


class IsADirectory(Failure):
    code = "is_a_directory"


class DirectoryNotEmpty(Failure):
    code = "directory_not_empty"


class PermissionDenied(Failure):
    code = "permission_denied"


class DiskFull(Failure):
    code = "disk_full"


class RangeNotSatisfiable(Failure):
    code = "range_not_satisfiable"


class Cancelled(Failure):
    """Has no HTTP status: it is only told in a frame of a client socket."""

    code = "cancelled"


_BY_END_CODE: dict[str, type[Failure]] = {
    "file_not_found": FileNotFound,
    "already_exists": AlreadyExists,
    "not_a_directory": NotADirectory,
    "is_a_directory": IsADirectory,
    "directory_not_empty": DirectoryNotEmpty,
    "permission_denied": PermissionDenied,
    "disk_full": DiskFull,
    "process_not_found": ProcessNotFound,
    "port_not_listening": PortNotListening,
    "timeout": DeadlineExceeded,
}

END_CODES = frozenset(
    {*_BY_END_CODE, "invalid_argument", "cancelled", "too_many", "unsupported", "internal"}
)


def from_end(end: End) -> Failure:
    """The failure that an End with a code stands for; unknown codes count as `internal`."""
    detail = end.detail[:1000] or "The agent refused."
    if end.code in ("invalid_argument", "unsupported"):
        return (
            ValidationFailed.of(end.field[:100], detail) if end.field else ValidationFailed(detail)
        )
    if end.code == "too_many":
        return Capacity(detail)
    if end.code == "cancelled":
        return Unavailable("The request was cancelled in the sandbox.", retry_after=1)
    found = _BY_END_CODE.get(end.code)
    if found is None:
        return Unavailable(f"The sandbox's agent failed: {detail}", retry_after=1)
    return found(detail)
