"""What a person sees in the browser when a preview cannot be shown."""

from html import escape

from gateway.headers import Fields, Inbound
from kit import problems
from kit.context import request_id
from kit.errors import Failure

_HINTS = {
    "port_not_listening": (
        "Nothing answers on this port yet",
        "The sandbox is there, but no program listens on this port. Start one, then reload.",
    ),
    "sandbox_destroyed": ("This sandbox has ended", "What ran in it is gone. Create a new one."),
    "port_not_exposed": ("This port is not exposed", "Its owner can expose it, then reload."),
    "sandbox_not_found": ("There is no such sandbox", "Check the address."),
    "agent_disconnected": ("The sandbox is not reachable right now", "Try again in a moment."),
    "wrong_state": ("This sandbox is paused", "Its owner can resume it, then reload."),
    "unauthenticated": ("This port is private", "Open it with a fresh entry link from its owner."),
    "rate_limited": ("Too many requests", "Wait a little, then reload."),
    "unavailable": ("Not available right now", "Try again in a moment."),
}

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; display: grid; place-items: center;
  min-height: 100vh; margin: 0; background: Canvas; color: CanvasText; }}
main {{ max-width: 32rem; padding: 2rem; }}
h1 {{ font-size: 1.5rem; margin: 0 0 .5rem; }}
small {{ opacity: .6; font-family: ui-monospace, monospace; }}
</style></head>
<body><main><h1>{title}</h1><p>{hint}</p><small>{status} {code} · {request_id}</small></main></body>
</html>
"""


def wanted(inbound: Inbound) -> bool:
    """Whether a browser asks: one that names HTML among what it accepts."""
    return b"text/html" in inbound.read.get(b"accept", b"")


def render(failure: Failure) -> tuple[int, Fields, bytes] | None:
    """Status, fields and body; None for a failure that has no page."""
    words = _HINTS.get(failure.code)
    if words is None:
        return None
    status = problems.HTTP_STATUS[failure.code]
    text = _PAGE.format(
        title=escape(words[0]),
        hint=escape(words[1]),
        status=status,
        code=failure.code,
        request_id=escape(request_id()),
    )
    fields = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
        (b"x-content-type-options", b"nosniff"),
    ]
    return status, fields, text.encode()
