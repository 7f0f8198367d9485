"""Protocol Buffers' wire format, as far as agent.v1 uses it.

Unknown fields are skipped, as is a known field of another wire type; groups, which proto3 has
none of, are refused. Repeated occurrences of a singular message are merged, as the specification
asks. https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from agent.errors import MalformedFrame
from agent.schema import BOOL, BYTES, MESSAGE, SIGNED32, STRING, UNSIGNED32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeVar

    M = TypeVar("M")

DEPTH_LIMIT = 16
_MASK64 = (1 << 64) - 1
_MASK32 = (1 << 32) - 1


def encode(message: Any) -> bytes:
    """The bytes of a message; fields at their default are left out."""
    parts: list[bytes] = []
    for tag, (name, kind, _, repeated, _) in message.TABLE.items():
        value = getattr(message, name)
        if repeated:
            for item in value:
                _put(parts, tag, kind, item)
        elif value is not None and (value or kind == MESSAGE):
            _put(parts, tag, kind, value)
    return b"".join(parts)


def encode_data(tag: int, prefix: bytes, fields: bytes, length: int) -> bytes:
    """What stands before ``length`` bytes of bulk data, which need not be copied to be sent.

    ``prefix`` are the envelope's other fields, ``tag`` the envelope's tag of Data, ``fields`` the
    encoded fields of Data but its bytes.
    """
    head = fields + b"\x0a" + varint(length) if length else fields
    return b"".join((prefix, varint(tag), varint(len(head) + length), head))


def varint(number: int) -> bytes:
    """An unsigned number below 2^64."""
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def decode(kind: type[M], data: bytes) -> M:
    """The message in ``data``. Raises MalformedFrame."""
    message = kind()
    _merge(message, data, 0, len(data), DEPTH_LIMIT)
    return message


def _put(parts: list[bytes], tag: int, kind: int, value: Any) -> None:
    parts.append(varint(tag))
    if tag & 7 == 0:
        parts.append(varint(int(value) & _MASK64))
        return
    if kind == MESSAGE:
        value = encode(value)
    elif kind == STRING:
        value = value.encode()
    parts.append(varint(len(value)))
    parts.append(value)


def _merge(message: Any, data: bytes, at: int, end: int, depth: int) -> None:
    if not depth:
        raise MalformedFrame("messages are nested too deeply")
    table = message.TABLE
    while at < end:
        tag, at = _tag(data, at, end)
        field = table.get(tag)
        if field is None:
            at = _skip(data, at, end, tag)
            continue
        if tag & 7 == 0:
            number, at = _varint(data, at, end)
            setattr(message, field[0], _scalar(field[1], number))
            continue
        start, at = _delimited(data, at, end)
        _set(message, field, data, (start, at, depth))


def _set(message: Any, field: Any, data: bytes, place: tuple[int, int, int]) -> None:
    name, kind, cls, repeated, others = field
    start, end, depth = place
    if kind == BYTES:
        value: Any = data[start:end]
    elif kind == STRING:
        try:
            value = data[start:end].decode()
        except UnicodeDecodeError as error:
            raise MalformedFrame(f"{name} is not UTF-8") from error
    else:
        value = None if repeated else getattr(message, name)
        if value is None:
            value = cls()
        _merge(value, data, start, end, depth - 1)
    if repeated:
        getattr(message, name).append(value)
        return
    setattr(message, name, value)
    for other in others:
        setattr(message, other, None)


def _scalar(kind: int, number: int) -> int | bool:
    if kind == BOOL:
        return number != 0
    if kind == UNSIGNED32:
        return number & _MASK32
    if kind == SIGNED32:
        number &= _MASK32
        return number - (1 << 32) if number >> 31 else number
    return number


def _tag(data: bytes, at: int, end: int) -> tuple[int, int]:
    tag, after = _varint(data, at, end)
    if tag > _MASK32 or after - at > 5 or tag < 8:
        raise MalformedFrame("bad field number")
    return tag, after


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    if at < end and data[at] < 0x80:
        return data[at], at + 1
    number = shift = 0
    while shift < 70:
        if at >= end:
            raise MalformedFrame("truncated number")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number & _MASK64, at
        shift += 7
    raise MalformedFrame("number is too long")


def _delimited(data: bytes, at: int, end: int) -> tuple[int, int]:
    length, at = _varint(data, at, end)
    if length > end - at:
        raise MalformedFrame("truncated field")
    return at, at + length


def _skip(data: bytes, at: int, end: int, tag: int) -> int:
    kind = tag & 7
    if kind == 0:
        return _varint(data, at, end)[1]
    if kind == 2:
        return _delimited(data, at, end)[1]
    if kind not in (1, 5):
        raise MalformedFrame("bad wire type")
    at += 8 if kind == 1 else 4
    if at > end:
        raise MalformedFrame("truncated field")
    return at
