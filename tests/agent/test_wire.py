"""The codec against the official runtime, both ways."""

from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from hypothesis import given, settings
from hypothesis import strategies as st

from agent import schema
from agent.errors import MalformedFrame
from agent.link.stream import Stream
from agent.wire import decode, encode
from wire.agent.v1 import agent_pb2

SCALARS: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.TYPE_UINT32: st.integers(0, 2**32 - 1),
    FieldDescriptor.TYPE_UINT64: st.integers(0, 2**64 - 1),
    FieldDescriptor.TYPE_INT32: st.integers(-(2**31), 2**31 - 1),
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_STRING: st.text(max_size=20),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=200),
}
ENVELOPES = ["ToAgent", "FromAgent"]


def messages(descriptor: Descriptor) -> st.SearchStrategy[Message]:
    """Any message of a type, as the official runtime's object."""
    cls: Any = getattr(agent_pb2, descriptor.name)

    @st.composite
    def build(draw: st.DrawFn) -> Message:
        fields: dict[str, Any] = {}
        for oneof in descriptor.oneofs:
            chosen = draw(st.sampled_from([*oneof.fields, None]))
            if chosen is not None:
                fields[chosen.name] = draw(value(chosen))
        for field in descriptor.fields:
            if field.containing_oneof is None and draw(st.booleans()):
                each = value(field)
                fields[field.name] = draw(st.lists(each, max_size=3) if field.is_repeated else each)
        return cls(**fields)  # type: ignore[no-any-return]

    return build()


def value(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        assert field.message_type is not None
        return messages(field.message_type)
    return SCALARS[field.type]


def same(ours: Any, theirs: Any) -> None:
    """Field by field."""
    for field in theirs.DESCRIPTOR.fields:
        mine, other = getattr(ours, field.name), getattr(theirs, field.name)
        if field.is_repeated:
            assert len(mine) == len(other)
            for one, two in zip(mine, other, strict=True):
                if isinstance(two, Message):
                    same(one, two)
                else:
                    assert one == two
        elif field.type == FieldDescriptor.TYPE_MESSAGE:
            assert (mine is not None) == theirs.HasField(field.name)
            if mine is not None:
                same(mine, other)
        else:
            assert mine == other


@pytest.mark.parametrize("name", ENVELOPES)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_round_trip_against_the_official_runtime(name: str, data: st.DataObject) -> None:
    theirs = data.draw(messages(agent_pb2.DESCRIPTOR.message_types_by_name[name]))
    ours = decode(getattr(schema, name), theirs.SerializeToString())
    same(ours, theirs)
    assert type(theirs).FromString(encode(ours)) == theirs


@given(junk=st.binary(max_size=60))
@settings(max_examples=500, deadline=None)
def test_junk_raises_one_error_class_and_whatever_is_accepted_means_the_same(junk: bytes) -> None:
    try:
        ours = decode(schema.ToAgent, junk)
    except MalformedFrame:
        return
    try:
        theirs = agent_pb2.ToAgent.FromString(junk)
    except DecodeError:
        pytest.fail("the official runtime refuses it")
    same(ours, theirs)


@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_truncated_frames_never_raise_anything_else(data: st.DataObject) -> None:
    theirs = data.draw(messages(agent_pb2.DESCRIPTOR.message_types_by_name["ToAgent"]))
    whole = theirs.SerializeToString()
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    try:
        decode(schema.ToAgent, cut)
    except MalformedFrame:
        return


@pytest.mark.parametrize(
    "unknown",
    [b"\xf8\x01\x05", b"\xfa\x01\x02hi", b"\xf9\x0112345678", b"\xfd\x011234", b"\x0a\x01x"],
)
def test_unknown_fields_are_skipped(unknown: bytes) -> None:
    ping = agent_pb2.ToAgent(stream=7, ping=agent_pb2.Ping(number=3)).SerializeToString()
    ours = decode(schema.ToAgent, unknown + ping + unknown)
    assert ours.stream == 7
    assert ours.ping is not None
    assert ours.ping.number == 3


@pytest.mark.parametrize(
    "bad",
    [b"\x08", b"\x08" + b"\xff" * 11, b"\x00\x00", b"\x0b", b"\x22\x05x", b"\xf9\x01x", b"\xf8"],
)
def test_malformed(bad: bytes) -> None:
    with pytest.raises(MalformedFrame):
        decode(schema.ToAgent, bad)


def test_text_that_is_no_utf8_is_malformed() -> None:
    with pytest.raises(MalformedFrame):
        decode(schema.Attach, b"\x0a\x01\xff")


def test_the_last_member_of_a_oneof_wins_and_repeats_are_merged() -> None:
    one = agent_pb2.ToAgent(cancel=agent_pb2.Cancel(kill=True)).SerializeToString()
    two = agent_pb2.ToAgent(data=agent_pb2.Data(offset=5)).SerializeToString()
    three = agent_pb2.ToAgent(data=agent_pb2.Data(bytes=b"x")).SerializeToString()
    ours = decode(schema.ToAgent, one + two + three)
    assert ours.cancel is None
    assert ours.data is not None
    assert (ours.data.offset, ours.data.bytes) == (5, b"x")


class Wire:
    """Keeps what a stream sends."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def carry(self, *parts: bytes) -> None:
        self.sent.append(b"".join(parts))

    def ready(self, stream: Stream) -> None:
        pass

    def ended(self, stream: Stream) -> None:
        pass


@given(st.integers(0, 2**64 - 1), st.integers(0, 2), st.booleans(), st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_bulk_data_is_encoded_as_any_other(
    offset: int, channel: int, fin: bool, data: bytes
) -> None:
    wire = Wire()
    Stream(wire, 300, 70_000, 1000).send_data(data, offset, channel, fin)
    expected = agent_pb2.Data(bytes=data, offset=offset, channel=channel, fin=fin)
    frame = agent_pb2.FromAgent(generation=300, stream=70_000, data=expected)
    assert agent_pb2.FromAgent.FromString(wire.sent[0]) == frame
