"""Whether an archive's entries stay inside the folder that they are unpacked into. No own I/O.

Every name is followed through the links that are there already and through those that the archive
brings, whatever the order: what could leave is refused before anything is written.
"""

from __future__ import annotations

from agent.errors import Refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    ReadLink = Callable[[str], str | None]

_LINKS_LIMIT = 40
Parts = tuple[str, ...]


class Confinement:
    """``read_link`` returns what a link below the folder points to, None when it is no link."""

    def __init__(self, read_link: ReadLink) -> None:
        self._read_link = read_link
        self._links: dict[Parts, str] = {}
        self._names: set[Parts] = set()

    def add(self, name: str, link: str | None = None) -> None:
        """An entry; ``link`` is what a symbolic link points to. Raises Refused."""
        parts = split(name)
        if link is not None:
            if link.startswith("/"):
                raise outside(name)
            self._links[parts] = link
        self._names.add(parts[:-1])

    def check(self) -> None:
        """Raises Refused when an entry could be written, or a link point, outside."""
        for parts in self._names:
            self._walk((), parts, "/".join(parts))
        for parts, link in self._links.items():
            self._walk(parts[:-1], tuple(link.split("/")), "/".join(parts))

    def inside(self, name: str) -> None:
        """Where a hard link points to. Raises Refused."""
        self._names.add(split(name))

    def _walk(self, start: Parts, parts: Parts, name: str) -> None:
        """Follow ``parts`` from the folder ``start``, as the kernel would."""
        at = list(start)
        ahead = list(reversed(parts))
        links = 0
        while ahead:
            part = ahead.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not at:
                    raise outside(name)
                at.pop()
                continue
            at.append(part)
            link = self._links.get(tuple(at))
            if link is None:
                link = self._read_link("/".join(at))
            if link is None:
                continue
            links += 1
            if link.startswith("/") or links > _LINKS_LIMIT:
                raise outside(name)
            at.pop()
            ahead.extend(reversed(link.split("/")))


def split(name: str) -> Parts:
    """The parts of an entry's name. Raises Refused when it leaves by itself."""
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or ".." in parts:
        raise outside(name)
    return parts


def outside(name: str) -> Refused:
    """The refusal of an entry."""
    shown = name[:200].encode("utf-8", "replace").decode()
    return Refused("invalid_argument", f"{shown!r} would leave the folder", "archive")
