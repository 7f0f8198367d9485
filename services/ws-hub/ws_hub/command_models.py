"""Bodies, queries and answers of the calls on commands, in their public spelling."""

import base64
import binascii
import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    StrictBool,
    StrictInt,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from kit.endpoint import Model

MAX_TIMEOUT_MS = 7 * 24 * 3600 * 1000
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _uuid(value: str) -> str:
    if not _UUID.fullmatch(value):
        raise ValueError("must be a UUID")
    return value.lower()


def _env(value: dict[str, str]) -> dict[str, str]:
    for name in value:
        if not name or "=" in name:
            raise ValueError("a variable's name must not be empty nor hold '='")
    return value


def _base64(value: str) -> str:
    decode(value)
    return value


def decode(value: str) -> bytes:
    """The bytes of a base64 text. Raises ValueError."""
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValueError("must be base64") from None


Base64 = Annotated[str, AfterValidator(_base64)]


class StdinBytes(Model):
    """Standard input that is not text."""

    base64: Base64


def _one_name(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """One error under the field's own name, instead of one for each member of the union."""
    try:
        return handler(value)
    except ValueError:
        raise PydanticCustomError("stdin", 'must be a text or {"base64": …}') from None


Stdin = Annotated[str | StdinBytes, WrapValidator(_one_name)]
Argument = Annotated[str, Field(max_length=128 * 1024)]


class ExecBody(Model):
    """A command: `command` for the shell, or `cmd` with `args` as it is; exactly one of them."""

    command: str | None = Field(None, min_length=1, max_length=128 * 1024)
    cmd: str | None = Field(None, min_length=1, max_length=4096)
    args: list[Argument] | None = Field(None, max_length=4096)
    cwd: str | None = Field(None, min_length=1, max_length=4096)
    env: Annotated[dict[str, str], AfterValidator(_env)] | None = None
    user: str | None = Field(None, min_length=1, max_length=64)
    stdin: Stdin | None = None
    timeout_ms: Annotated[StrictInt, Field(ge=0, le=MAX_TIMEOUT_MS)] | None = None
    background: StrictBool = False
    process_id: Annotated[str, AfterValidator(_uuid)] | None = None


class ExecAnswer(Model):
    """How a command went. `exitCode` is null while it runs in the background."""

    success: Literal[True] = True
    process_id: str
    pid: int
    exit_code: int | None
    signal: str | None
    stdout: str | None
    stderr: str | None
    stdout_base64: str | None = None
    stderr_base64: str | None = None
    duration_ms: int
    timed_out: bool
    truncated: bool


class ProcessView(Model):
    """A process that the agent knows."""

    process_id: str
    pid: int
    command: str
    user: str
    cwd: str
    terminal: bool
    running: bool
    exit_code: int | None
    signal: str | None
    timed_out: bool
    started_at: str
    duration_ms: int | None
    first_offset: int
    next_offset: int


class ProcessAnswer(Model):
    success: Literal[True] = True
    process: ProcessView


class ProcessesAnswer(Model):
    success: Literal[True] = True
    processes: list[ProcessView]


class OutputQuery(Model):
    """From which byte of the log, and whether to go on with what comes."""

    offset: int = Field(0, ge=0, le=2**53)
    follow: bool = False


class Chunk(Model):
    """A piece of the log; `data` is base64."""

    stream: Literal["stdout", "stderr"]
    offset: int
    data: str


class OutputAnswer(Model):
    """What the log holds from the asked offset on, as far as one answer may carry."""

    success: Literal[True] = True
    process_id: str
    chunks: list[Chunk]
    next_offset: int
    dropped: int
    running: bool
    exit_code: int | None
    signal: str | None


class StdinQuery(Model):
    """Whether standard input ends after these bytes."""

    close: bool = False


class SignalBody(Model):
    """A signal by its name, such as SIGTERM."""

    signal: str = Field(max_length=16)


class Done(Model):
    """It was done."""

    success: Literal[True] = True


class ProcessDone(Model):
    """It was done to this process."""

    success: Literal[True] = True
    process_id: str
