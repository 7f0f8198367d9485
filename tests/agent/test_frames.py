"""RFC 6455 frames and the handshake, without I/O."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from agent.errors import MalformedFrame
from agent.link.frames import BINARY, CLOSE, PING, FrameReader, close_payload, header
from agent.link.handshake import Handshake, HandshakeRefused, Url


def server_frame(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=False)


@given(
    st.lists(st.lists(st.binary(max_size=70_000), min_size=1, max_size=3), max_size=4),
    st.integers(1, 5000),
)
@settings(max_examples=50, deadline=None)
def test_messages_come_out_however_they_are_cut(messages: list[list[bytes]], step: int) -> None:
    stream = b""
    for parts in messages:
        for index, part in enumerate(parts):
            opcode = Opcode.CONT if index else Opcode.BINARY
            stream += server_frame(opcode, part, index == len(parts) - 1)
            stream += server_frame(Opcode.PING, b"between")
    reader = FrameReader()
    found = []
    for at in range(0, len(stream), step):
        found += reader.feed(stream[at : at + step])
    assert [data for kind, data in found if kind == BINARY] == [b"".join(p) for p in messages]
    assert sum(kind == PING for kind, _ in found) == sum(map(len, messages))


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 300_000])
def test_our_frames_are_read_by_another_implementation(size: int) -> None:
    data = bytes(size)
    reader = StreamReader()
    reader.feed_data(header(BINARY, size) + data)
    parser = Frame.parse(reader.read_exact, mask=True)
    with pytest.raises(StopIteration) as end:
        next(parser)
    assert end.value.value == Frame(Opcode.BINARY, data)


@pytest.mark.parametrize(
    "bad",
    [
        b"\xc2\x00",
        b"\x83\x00",
        b"\x82\x80",
        b"\x89\x7e",
        b"\x09\x00",
        b"\x80\x00",
        b"\x02\x01x\x82\x01x",
        b"\x81\x01x",
        b"\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x01",
        b"\x02\x00" + b"\x00\x00" * 5000,
    ],
)
def test_what_a_server_may_not_send(bad: bytes) -> None:
    with pytest.raises(MalformedFrame):
        FrameReader().feed(bad)


@given(st.binary(max_size=100))
@settings(max_examples=300, deadline=None)
def test_junk_raises_one_error_class(junk: bytes) -> None:
    try:
        FrameReader().feed(junk)
    except MalformedFrame:
        return


def test_close_carries_code_and_reason() -> None:
    assert FrameReader().feed(server_frame(Opcode.CLOSE, close_payload(1012, "later"))) == [
        (CLOSE, b"\x03\xf4later")
    ]


KEY = b"\0" * 16
ACCEPT = b"ICX+Yqv66kxgM0FcWaLWlFLwTAI="
GOOD = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
    b"sec-websocket-accept: " + ACCEPT + b"\r\nSec-WebSocket-Protocol: insien.agent.v1\r\n\r\n"
)


def handshake() -> Handshake:
    return Handshake(Url("ws://h:1/agent/x"), "secret", lambda count: KEY[:count])


def test_handshake_asks_and_accepts_in_pieces() -> None:
    attempt = handshake()
    assert b"GET /agent/x HTTP/1.1\r\nHost: h:1\r\n" in attempt.request
    assert b"Authorization: Bearer secret\r\n" in attempt.request
    assert [attempt.feed(GOOD[at : at + 1]) for at in range(len(GOOD))] == [None] * (
        len(GOOD) - 1
    ) + [b""]
    assert handshake().feed(GOOD + b"more") == b"more"


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (GOOD.replace(b"101", b"401"), 401),
        (GOOD.replace(ACCEPT, b"x"), 0),
        (GOOD.replace(b"agent.v1", b"agent.v2"), 0),
        (GOOD[:-2] + b"Sec-WebSocket-Extensions: x\r\n\r\n", 0),
        (b"SSH-2.0\r\n\r\n", 0),
        (b"x" * 20_000, 0),
    ],
)
def test_handshake_is_refused(answer: bytes, status: int) -> None:
    with pytest.raises(HandshakeRefused) as refused:
        handshake().feed(answer)
    assert refused.value.status == status


def test_retry_after_is_told() -> None:
    with pytest.raises(HandshakeRefused) as refused:
        handshake().feed(b"HTTP/1.1 503 x\r\nRetry-After: 7\r\n\r\n")
    assert refused.value.retry_after == 7


@pytest.mark.parametrize(
    ("text", "host", "port", "path"),
    [
        ("ws://a", "a", 80, "/"),
        ("ws://a:3001/agent/x", "a", 3001, "/agent/x"),
        ("ws://[::1]:5/x", "::1", 5, "/x"),
        ("ws://[::1]/x", "::1", 80, "/x"),
    ],
)
def test_url(text: str, host: str, port: int, path: str) -> None:
    url = Url(text)
    assert (url.host, url.port, url.path) == (host, port, path)


@pytest.mark.parametrize("text", ["", "http://a", "ws://", "ws://a:0", "ws://a:x", "ws://a b/"])
def test_bad_url(text: str) -> None:
    with pytest.raises(ValueError, match=r"URL|invalid literal"):
        Url(text)
