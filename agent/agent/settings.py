"""What the agent is told by its environment."""

from __future__ import annotations

from agent.link.handshake import Url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class SettingsError(Exception):
    """A variable is missing or wrong; the text names it."""


class Settings:
    """``user`` and ``workdir`` may be empty: whoever we are, and that user's home."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.token = _required(env, "INSIEN_AGENT_TOKEN")
        self.sandbox_id = env.get("INSIEN_SANDBOX_ID", "")
        self.user = env.get("INSIEN_USER", "")
        self.workdir = env.get("INSIEN_WORKDIR", "")
        try:
            self.url = Url(_required(env, "INSIEN_AGENT_URL"))
        except ValueError as error:
            raise SettingsError(f"INSIEN_AGENT_URL: {error}") from error


def _required(env: Mapping[str, str], name: str) -> str:
    value = env.get(name, "")
    if not value:
        raise SettingsError(f"{name} is not set")
    return value
