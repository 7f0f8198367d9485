"""Who a credential stands for, and what it may do."""

from dataclasses import dataclass
from datetime import datetime

SCOPES = ("sandbox:read", "sandbox:write")
"""Every scope there is. A session holds them all."""


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated user; `key_id` and `key_prefix` for a key, `session_id` for a session.

    `expires_at` is when the credential stops being one, `None` for never.
    """

    user_id: str
    clerk_id: str
    scopes: tuple[str, ...]
    expires_at: datetime | None
    key_id: str = ""
    key_prefix: str = ""
    session_id: str = ""
