"""The request frames of a client socket, by type."""

from typing import Annotated

from pydantic import AfterValidator, Field, StrictBool, StrictInt

from kit.endpoint import Model
from ws_hub.command_models import Base64, ExecBody
from ws_hub.file_models import Path

ProcessId = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(str.lower)]
Size = Annotated[StrictInt, Field(ge=1, le=1000)]


class ExecFrame(ExecBody):
    """As over HTTP; `stream` asks for the output as it comes."""

    stream: StrictBool = False


def _encodable(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a surrogate pair") from None
    return value


class WriteFrame(Model):
    """Exactly one of the two contents."""

    path: Path
    content: Annotated[str, AfterValidator(_encodable)] | None = None
    content_base64: Base64 | None = None
    mode: str | None = Field(None, pattern=r"^0?[0-7]{3,4}$")


class PathFrame(Model):
    path: Path


class TerminalFrame(Model):
    """`cmd` is run by the shell, or with `args` as it is; without it a login shell runs."""

    rows: Size = 24
    cols: Size = 80
    cmd: str | None = Field(None, min_length=1, max_length=128 * 1024)
    args: list[str] | None = Field(None, max_length=4096)
    cwd: str | None = Field(None, min_length=1, max_length=4096)
    env: dict[str, str] | None = None
    user: str | None = Field(None, min_length=1, max_length=64)
    process_id: str | None = None


class AttachFrame(Model):
    process_id: ProcessId
    offset: StrictInt = Field(0, ge=0, le=2**53)


class StdinFrame(Model):
    process_id: ProcessId
    data: Base64 = ""
    close: StrictBool = False


class SignalFrame(Model):
    process_id: ProcessId
    signal: str = Field(max_length=16)


class ResizeFrame(Model):
    process_id: ProcessId
    rows: Size
    cols: Size


class DataFrame(Model):
    """Input for the terminal that this very `id` started."""

    data: Base64


class WatchFrame(Model):
    path: Path
    recursive: StrictBool = False


class UnwatchFrame(Model):
    watch_id: str


class CancelFrame(Model):
    target: str | int
