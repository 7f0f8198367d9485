"""What replicas tell one another, as bytes; plain state without I/O.

One envelope is one message on a replica's inbox: `kind` (1 byte), `sender` (16, the replica's id),
`channel` (16, a relayed stream; zeros for pings), `number` (8, counts a channel's envelopes from
the sender, so that a lost one is noticed), then the payload. OPEN's payload is the sandbox id (16),
the generation (8) and a ToAgent; TO_AGENT's a ToAgent, FROM_AGENT's a FromAgent, LOST's a reason.
"""

import struct
import uuid
from dataclasses import dataclass
from enum import IntEnum

_HEAD = struct.Struct("!B16s16sQ")
_OPEN = struct.Struct("!16sQ")
NO_CHANNEL = bytes(16)


class Kind(IntEnum):
    """What an envelope carries."""

    OPEN = 1
    TO_AGENT = 2
    FROM_AGENT = 3
    LOST = 4
    PING = 5


class Malformed(Exception):
    """Not an envelope."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message between replicas."""

    kind: Kind
    sender: str
    channel: bytes
    number: int
    payload: bytes = b""


def pack(envelope: Envelope) -> bytes:
    """The envelope as bytes."""
    sender = bytes.fromhex(envelope.sender)
    head = _HEAD.pack(envelope.kind, sender, envelope.channel, envelope.number)
    return head + envelope.payload


def unpack(message: bytes) -> Envelope:
    """The envelope in a message. Raises Malformed."""
    try:
        kind, sender, channel, number = _HEAD.unpack_from(message)
        return Envelope(Kind(kind), sender.hex(), channel, number, message[_HEAD.size :])
    except (struct.error, ValueError) as error:
        raise Malformed(str(error)) from None


def pack_open(sandbox_id: str, generation: int, frame: bytes) -> bytes:
    """OPEN's payload."""
    return _OPEN.pack(uuid.UUID(sandbox_id).bytes, generation) + frame


def unpack_open(payload: bytes) -> tuple[str, int, bytes]:
    """Sandbox id, generation and the ToAgent's bytes. Raises Malformed."""
    try:
        sandbox, generation = _OPEN.unpack_from(payload)
    except struct.error as error:
        raise Malformed(str(error)) from None
    return str(uuid.UUID(bytes=sandbox)), generation, payload[_OPEN.size :]
