"""From a Clerk session token to the identity it stands for.

Redis keys: `insien:auth:session:{session id}`, there for a week after a session was first seen, so
that the audit log names each session once.
"""

import hashlib
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from auth import session_token
from auth.audit import Audit, Event
from auth.clock import Clock
from auth.identity import SCOPES, Identity
from auth.jwks import KeySource
from auth.recent import Recent
from auth.session_token import Rules, Session
from auth.soft_redis import SoftRedis
from auth.users import Users

logger = logging.getLogger(__name__)

SEEN_SECONDS = 7 * 86_400
_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class SessionTools:
    """What verifying sessions needs."""

    keys: KeySource
    rules: Rules
    users: Users
    audit: Audit
    redis: SoftRedis
    clock: Clock


class SessionVerifier:
    """Verifies session tokens."""

    def __init__(self, tools: SessionTools) -> None:
        self._tools = tools
        self._seen: Recent[bool] = Recent(_REMEMBERED)

    async def verify(self, credential: str, address: str) -> Identity:
        """Who is signed in.

        Raises Unauthenticated when nobody is, Unavailable when Clerk's keys were never fetched.
        """
        token = session_token.parse(credential)
        key = await self._tools.keys.key(token.key_id)
        now = self._tools.clock().timestamp()
        session = session_token.verify(token, key, self._tools.rules, now)
        user = await self._tools.users.of_session(session, address)
        await self._notice(session, user.id, address)
        return Identity(
            user_id=user.id,
            clerk_id=session.clerk_id,
            scopes=SCOPES,
            expires_at=datetime.fromtimestamp(session.expires_at, UTC),
            session_id=session.session_id,
        )

    async def _notice(self, session: Session, user_id: str, address: str) -> None:
        """A sign-in is recorded when its session is first seen; an impersonation as such."""
        seen = hashlib.sha256(f"{session.session_id}:{session.actor}".encode()).hexdigest()[:32]
        if self._seen.get(seen):
            return
        name = f"insien:auth:session:{seen}"

        async def mark(client: Any) -> bool:
            return bool(await client.set(name, b"1", nx=True, ex=SEEN_SECONDS))

        new = await self._tools.redis.run(mark, otherwise=True)
        self._seen.put(seen, True)
        if not new:
            return
        data = {"sessionId": session.session_id}
        kind = "session.started"
        if session.actor:
            kind, data = "session.impersonated", data | {"impersonator": session.actor}
            logger.warning("a user is impersonated", extra=data)
        await self._tools.audit.record(Event(kind, user_id, address=address, data=data))
