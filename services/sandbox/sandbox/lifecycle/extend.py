"""Extend: another end, sooner or later than it was."""

from kit.errors import ValidationFailed
from sandbox.errors import SandboxDestroyed, StateChanged
from sandbox.lifecycle.access import IN_USE, require
from sandbox.lifecycle.parts import Parts
from sandbox.models import Cause, Sandbox
from sandbox.repository import sandboxes
from sandbox.settings import SandboxSettings


def check_lifetime(settings: SandboxSettings, seconds: float) -> None:
    """Raises ValidationFailed for more than the configured maximum."""
    most = int(settings.sandbox_timeout_max_seconds.total_seconds())
    if seconds > most:
        raise ValidationFailed.of("timeoutSeconds", f"must be at most {most}")


async def extend(parts: Parts, sandbox: Sandbox, seconds: float, cause: Cause) -> Sandbox:
    """Expires `seconds` from now. Raises ValidationFailed, SandboxDestroyed, WrongState."""
    check_lifetime(parts.settings, seconds)
    require(sandbox, IN_USE, "extended")
    try:
        async with parts.database.connection() as connection:
            extended = await sandboxes.extend(connection, sandbox, seconds, cause)
    except StateChanged:
        raise SandboxDestroyed from None
    parts.announcer.announce(extended, "extended")
    return extended
