"""Preview hosts: `{port}-{sandboxId}.{PREVIEW_DOMAIN}`, with or without the gateway's port."""

import re
from dataclasses import dataclass

_LABEL = re.compile(
    r"(?P<port>[1-9][0-9]{0,4})-"
    r"(?P<id>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
)


@dataclass(frozen=True, slots=True)
class PreviewHost:
    """The sandbox and the port that a host names."""

    sandbox_id: str
    port: int


class PreviewHosts:
    """Tells preview hosts from the gateway's own."""

    def __init__(self, domain: str) -> None:
        self._suffix = f".{domain.lower().strip('.')}".encode()

    def parse(self, host: bytes) -> PreviewHost | None:
        """What a `Host` names, None when it is no preview host."""
        name = host.partition(b":")[0].lower()
        if not name.endswith(self._suffix):
            return None
        match = _LABEL.fullmatch(name[: -len(self._suffix)].decode("latin-1"))
        if match is None or int(match["port"]) > 65535:
            return None
        return PreviewHost(match["id"], int(match["port"]))
