"""What the routes and sockets work with: one value, made by the composition root."""

from dataclasses import dataclass, field

from kit.caller import Caller
from wire.agent.v1.agent_pb2 import Open
from ws_hub.activity import Activity
from ws_hub.calls import Calls
from ws_hub.directory import Directory
from ws_hub.feed import Feed, Waits
from ws_hub.sandboxes import Sandbox, Sandboxes


@dataclass(frozen=True, slots=True)
class Switchboard:
    """Connects a caller with the agent of a sandbox that is his."""

    sandboxes: Sandboxes
    directory: Directory
    activity: Activity
    waits: Waits
    output_limit: int
    calls: Calls = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "calls", Calls(self.directory, self.waits))

    async def enter(self, caller: Caller, sandbox_id: str) -> Sandbox:
        """A running sandbox of the caller's; counts as activity.

        Raises SandboxNotFound, SandboxDestroyed, WrongState.
        """
        sandbox = await self.sandboxes.usable(caller, sandbox_id)
        self.activity.note(sandbox.sandbox_id)
        return sandbox

    def feed(self, sandbox_id: str, request: Open) -> Feed:
        """A process to follow."""
        return Feed(self.directory, sandbox_id, request, self.waits)
