"""Bodies, queries and answers of the calls on files, in their public spelling."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictBool

from kit.endpoint import Model, left_out_when_none
from wire.agent.v1.agent_pb2 import FileInfo

_MAX_NS = 253_402_300_799 * 10**9  # the end of the year 9999
_TYPES = ("file", "directory", "symlink", "other")


def _no_nul(value: str) -> str:
    if "\x00" in value:
        raise ValueError("must not hold a NUL")
    return value


Path = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_no_nul)]
"""Absolute, or relative to the working directory; what is not UTF-8 is written `\\xNN`."""
Mode = Annotated[str, Field(pattern=r"^0?[0-7]{3,4}$")]
"""Permission bits as an octal string, such as `0644`."""


class FileView(Model):
    """A file, directory or link."""

    name: str
    path: str
    type: Literal["file", "directory", "symlink", "other"]
    size: int
    mode: str
    owner: str
    group: str
    modified_at: str
    target: str | None = left_out_when_none()


class PathQuery(Model):
    path: Path


class UploadQuery(Model):
    path: Path
    mode: Mode | None = None


class RemoveQuery(Model):
    path: Path
    recursive: bool = False


class ListQuery(Model):
    """`depth` 1 is the directory's entries, 2 theirs too, and so on."""

    path: Path
    depth: int = Field(1, ge=1, le=32)


class WatchQuery(Model):
    path: Path
    recursive: bool = False


class MakeDirectoryBody(Model):
    """`parents`: make those that are missing, and accept one that exists."""

    path: Path
    parents: StrictBool = True
    mode: Mode | None = None


class TransferBody(Model):
    """From where to where."""

    source: Path = Field(alias="from")
    target: Path = Field(alias="to")
    overwrite: StrictBool = False


class ChangeModeBody(Model):
    path: Path
    mode: Mode


class FileAnswer(Model):
    success: Literal[True] = True
    file: FileView


class ListAnswer(Model):
    """Entries in the order of their paths; at most 10,000, then `truncated`."""

    success: Literal[True] = True
    path: str
    entries: list[FileView]
    truncated: bool


def view(info: FileInfo) -> FileView:
    """A file as the public API shows it."""
    seconds = min(info.modified_at_ns, _MAX_NS) / 1e9
    modified = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return FileView(
        name=info.name,
        path=info.path,
        type=info.type if info.type in _TYPES else "other",  # type: ignore[arg-type]  # checked
        size=info.size,
        mode=f"{info.mode & 0o7777:04o}",
        owner=info.owner,
        group=info.group,
        modified_at=modified.replace("+00:00", "Z"),
        target=info.target or None,
    )


def bits(mode: str | None) -> int:
    """The permission bits of an octal string; 0 when there is none."""
    return int(mode, 8) if mode else 0
