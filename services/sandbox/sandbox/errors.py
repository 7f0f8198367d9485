"""What can be wrong with a request about a sandbox.

    Failure
    ├── SandboxNotFound        no such sandbox, or another user's
    ├── SandboxDestroyed       it has ended
    ├── WrongState             it is not in a state for this
    ├── PortNotExposed         the port was never opened, or is closed again
    ├── IdempotencyConflict    the same key with another body
    ├── QuotaExceeded          the user's or the key's number of live sandboxes
    ├── Capacity               the host carries no more
    └── ImageNotAllowed        the settings do not let users name this image

`StateChanged` and `RuntimeFailed` never reach a caller: use cases turn them into one of these.
"""

from kit.errors import Failure


class SandboxNotFound(Failure):
    code = "sandbox_not_found"

    def __init__(self) -> None:
        super().__init__("There is no such sandbox.")


class SandboxDestroyed(Failure):
    code = "sandbox_destroyed"

    def __init__(self) -> None:
        super().__init__("The sandbox has ended.")


class WrongState(Failure):
    code = "wrong_state"

    def __init__(self, state: str, act: str) -> None:
        super().__init__(f"A sandbox that is {state} cannot be {act}.")


class PortNotExposed(Failure):
    code = "port_not_exposed"

    def __init__(self, port: int) -> None:
        super().__init__(f"Port {port} is not exposed.")


class IdempotencyConflict(Failure):
    code = "idempotency_conflict"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used with another body.")


class QuotaExceeded(Failure):
    """`limit` live sandboxes are all that the user or key may have."""

    code = "quota_exceeded"

    def __init__(self, whose: str, limit: int) -> None:
        super().__init__(
            f"{limit} live sandboxes are the limit of this {whose}; destroy one first.",
            retry_after=10,
            headers=[
                ("RateLimit-Policy", f'"sandboxes";q={limit}'),
                ("RateLimit", '"sandboxes";r=0'),
            ],
        )


class Capacity(Failure):
    code = "capacity"

    def __init__(self) -> None:
        super().__init__("All places for sandboxes are taken; try again later.", retry_after=10)


class ImageNotAllowed(Failure):
    code = "image_not_allowed"

    def __init__(self, image: str) -> None:
        super().__init__(f"The image {image!r} is not one that users may name here.")


class StateChanged(Exception):
    """Somebody else changed the sandbox first; what was read is old."""


class RuntimeFailed(Exception):
    """The runtime refused or did not answer; `detail` may be told to the user, `kind` is a code."""

    def __init__(self, detail: str, kind: str = "runtime_error") -> None:
        super().__init__(detail)
        self.detail = detail
        self.kind = kind


class ContainerMissing(RuntimeFailed):
    """The sandbox has no container."""

    def __init__(self) -> None:
        super().__init__("The sandbox has no container.", "container_lost")
