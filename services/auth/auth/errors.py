"""What auth refuses, beyond what every service does (`kit.errors`).

Failure
├── InvalidSignature   a webhook that Clerk has not signed, or not just now
└── WrongState         a key that is not live any more, or was rotated already
"""

from kit.errors import Failure


class InvalidSignature(Failure):
    """Carries a reason code for the log; the answer is the same for all reasons."""

    code = "invalid_signature"

    def __init__(self, reason: str) -> None:
        super().__init__("The webhook is not signed, or its signature is not valid.")
        self.reason = reason


class WrongState(Failure):
    code = "wrong_state"
