"""Any credential to its identity: a key or a session token, told apart by form."""

import logging

from auth.identity import Identity
from auth.key_format import looks_like_key
from auth.key_verification import KeyVerifier
from auth.session_verification import SessionVerifier
from auth.tables.outage import unavailable_when_down
from kit.errors import Unauthenticated

logger = logging.getLogger(__name__)


class Authenticator:
    """The one door for credentials; every refusal is logged with its reason."""

    def __init__(self, keys: KeyVerifier, sessions: SessionVerifier) -> None:
        self._keys = keys
        self._sessions = sessions

    @unavailable_when_down
    async def authenticate(self, credential: str, address: str) -> Identity:
        """Who holds the credential.

        Raises Unauthenticated, the same outside for every reason; RateLimited; Unavailable.
        """
        verifier = self._keys if looks_like_key(credential) else self._sessions
        try:
            return await verifier.verify(credential, address)
        except Unauthenticated as error:
            logger.info("credential refused", extra={"reason": error.reason, "address": address})
            raise
