"""Runs inside a sandbox: an HTTP and WebSocket server of the standard library alone.

GET / tells the request's headers as JSON; POST gives the body back; an upgrade becomes an echo
of messages below 64 KiB (RFC 6455).
"""

import base64
import hashlib
import json
import struct
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
SHORT, MEDIUM, CLOSE = 126, 65_536, 8


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._websocket()
            return
        seen = {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}}
        self._answer(json.dumps(seen).encode())

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _websocket(self) -> None:
        digest = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + GUID).encode()).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(digest).decode())
        self.end_headers()
        self.close_connection = True
        while self._echo_frame():
            pass

    def _echo_frame(self) -> bool:
        first, second = self.rfile.read(2)
        size = second & 127
        if size == SHORT:
            (size,) = struct.unpack("!H", self.rfile.read(2))
        mask = self.rfile.read(4)
        data = bytes(byte ^ mask[index % 4] for index, byte in enumerate(self.rfile.read(size)))
        head = bytes([first, size]) if size < SHORT else struct.pack("!BBH", first, SHORT, size)
        self.wfile.write(head + data)
        return first & 15 != CLOSE


ThreadingHTTPServer(("127.0.0.1", 8000), Echo).serve_forever()
