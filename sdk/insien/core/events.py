"""Server-sent events out of a stream of bytes (WHATWG HTML, 9.2.6), without input or output."""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ServerEvent:
    name: str
    data: dict[str, Any]


class EventDecoder:
    """Takes bytes as they come; gives the events that are complete.

    Only what the API sends: `event:` and `data:` lines ended by \\n or \\r\\n; comments and
    other fields are passed over.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._name = "message"
        self._data: list[str] = []

    def feed(self, data: bytes) -> list[ServerEvent]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        events = []
        for line in lines:
            event = self._line(line.rstrip(b"\r").decode())
            if event:
                events.append(event)
        return events

    def _line(self, line: str) -> ServerEvent | None:
        if not line:
            return self._dispatch()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        return None

    def _dispatch(self) -> ServerEvent | None:
        name, data = self._name, "\n".join(self._data)
        self._name, self._data = "message", []
        return ServerEvent(name, json.loads(data)) if data else None
