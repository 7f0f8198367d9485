"""The refusals that are the gateway's own.

Failure
├── BadRequest             not HTTP as it should be: framing, Host, duplicates
├── AmbiguousCredentials   two credentials in one request
├── RequestTimeout         headers or body came too slowly
├── HeadersTooLarge        too many header fields, or too long ones
├── SandboxNotFound        no such sandbox, or not the caller's
├── SandboxDestroyed       a sandbox that has ended
├── PortNotExposed         a port of a sandbox that nobody opened
├── WrongState             a sandbox that is paused
├── PortNotListening       nothing listens on that port in the sandbox
└── AgentDisconnected      the sandbox's agent is not connected now
"""

from kit.errors import Failure


class BadRequest(Failure):
    code = "bad_request"


class AmbiguousCredentials(Failure):
    code = "ambiguous_credentials"


class RequestTimeout(Failure):
    code = "request_timeout"


class HeadersTooLarge(Failure):
    code = "headers_too_large"


class SandboxNotFound(Failure):
    code = "sandbox_not_found"


class SandboxDestroyed(Failure):
    code = "sandbox_destroyed"


class PortNotExposed(Failure):
    code = "port_not_exposed"


class WrongState(Failure):
    code = "wrong_state"


class PortNotListening(Failure):
    code = "port_not_listening"


class AgentDisconnected(Failure):
    code = "agent_disconnected"
