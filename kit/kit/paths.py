"""Paths of endpoints as a tree of segments: one look-up a segment, however many paths there are."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Node(Generic[T]):
    literals: "dict[str, _Node[T]]" = field(default_factory=dict)
    parameter: "_Node[T] | None" = None
    names: tuple[str, ...] = ()
    value: T | None = None


class Paths(Generic[T]):
    """Values by path; `{name}` in one matches any segment that is not empty."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, path: str, value: T) -> None:
        """Puts the value at the path."""
        node, names = self._root, []
        for segment in path.split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        node.names, node.value = tuple(names), value

    def find(self, path: str) -> tuple[T, dict[str, str]] | None:
        """The value at a decoded path and its parameters; a literal goes before a parameter."""
        node, given = self._root, []
        for segment in path.split("/")[1:]:
            child = node.literals.get(segment)
            if child is None:
                child = node.parameter
                if child is None or not segment:
                    return None
                given.append(segment)
            node = child
        if node.value is None:
            return None
        return node.value, dict(zip(node.names, given, strict=True))
