"""The shared listening sockets: bound once by the supervisor, inherited by every replica.

A connection made while a part restarts waits in the backlog and is served, not refused.
"""

import errno
import socket
from contextlib import closing

from infra.stack.plan import Address

BACKLOG = 4096


class AddressTaken(Exception):
    def __init__(self, address: Address, reason: str) -> None:
        super().__init__(f"{address.host}:{address.port}: {reason}")
        self.address = address


def bind(address: Address) -> socket.socket:
    """A listening TCP socket; AddressTaken when another program holds the port.

    IP_FREEBIND lets the address of a bridge be bound before Docker has made the bridge.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET:
            listener.setsockopt(socket.IPPROTO_IP, 15, 1)  # IP_FREEBIND, unnamed in 3.11
        listener.bind((address.host, address.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressTaken(address, "already in use") from error
        raise AddressTaken(address, str(error.strerror)) from error
    listener.setblocking(False)
    return listener


def is_free(address: Address) -> bool:
    try:
        listener = bind(address)
    except AddressTaken:
        return False
    with closing(listener):
        return True


class Sockets:
    """The sockets that are open now, by address."""

    def __init__(self) -> None:
        self._open: dict[Address, socket.socket] = {}

    def add(self, addresses: set[Address]) -> None:
        """Bind what is missing: all of it, or (AddressTaken) nothing."""
        fresh: dict[Address, socket.socket] = {}
        try:
            for address in sorted(addresses - self._open.keys()):
                fresh[address] = bind(address)
        except AddressTaken:
            for listener in fresh.values():
                listener.close()
            raise
        self._open |= fresh

    def keep(self, addresses: set[Address]) -> None:
        """Close what is no longer wanted."""
        for address in self._open.keys() - addresses:
            self._open.pop(address).close()

    def descriptor(self, address: Address) -> int:
        return self._open[address].fileno()
