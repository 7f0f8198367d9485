"""What people (tables) or programs (`--json`, one object a line, fields as in the API) see."""

import base64
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from insien.errors import InsienError, Invalid


class Screen:
    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json

    def line(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    def value(self, value: Any, text: str) -> None:
        """One thing: the value as JSON, or the text."""
        self.line(json.dumps(plain(value)) if self.as_json else text)

    def table(self, headings: Sequence[str], items: Iterable[tuple[Any, Sequence[object]]]) -> None:
        """Many things: each as JSON, or its cells as a row."""
        found = list(items)
        if self.as_json:
            for value, _ in found:
                self.line(json.dumps(plain(value)))
            return
        lines = [list(headings), *([str(cell) for cell in cells] for _, cells in found)]
        widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
        for line in lines:
            cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
            self.line("  ".join(cells).rstrip())

    def raw(self, stream: str, data: bytes) -> None:
        """A command's output, at once and as it is."""
        out = sys.stderr if stream == "stderr" else sys.stdout
        out.flush()
        out.buffer.write(data)
        out.buffer.flush()

    def complain(self, text: str) -> None:
        sys.stderr.write(f"insien: {text}\n")

    def error(self, error: InsienError) -> None:
        self.complain(str(error))
        for wrong in error.errors if isinstance(error, Invalid) else ():
            self.complain(f"  {wrong.field}: {wrong.message}")


def plain(value: Any) -> Any:
    """As JSON can say it: fields in camelCase, times in RFC 3339, bytes in base64."""
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((field.name, getattr(value, field.name)) for field in fields(value))
        return {_camel(name): plain(item) for name, item in pairs}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
