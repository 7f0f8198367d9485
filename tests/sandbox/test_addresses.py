"""Addresses and port tokens."""

from datetime import UTC, datetime
from uuid import uuid4

from sandbox.addresses import Addresses, AgentUrls, PortTokens
from sandbox.models import Port

AGENTS = AgentUrls("ws://hub:3001", "ws://hub-inside:3001")


def test_addresses_keep_scheme_and_port_of_the_public_url() -> None:
    sandbox_id = uuid4()
    local = Addresses("http://localhost:3000", "localhost", AGENTS)
    assert local.client(sandbox_id) == f"ws://localhost:3000/client/{sandbox_id}"
    assert local.agent(sandbox_id, "full") == f"ws://hub:3001/agent/{sandbox_id}"
    assert local.agent(sandbox_id, "none") == f"ws://hub-inside:3001/agent/{sandbox_id}"
    assert local.preview(sandbox_id, 80) == f"http://80-{sandbox_id}.localhost:3000"
    public = Addresses("https://api.example.com", "preview.example.com", AGENTS)
    assert public.client(sandbox_id) == f"wss://api.example.com/client/{sandbox_id}"
    assert public.preview(sandbox_id, 80) == f"https://80-{sandbox_id}.preview.example.com"


def test_a_port_token_is_of_one_sandbox_port_exposure_and_deployment() -> None:
    tokens, other = PortTokens("a" * 32), PortTokens("b" * 32)
    sandbox_id, exposure = uuid4(), uuid4()
    port = Port(80, "private", exposure, datetime.now(UTC))
    token = tokens.token(sandbox_id, port)
    assert token == tokens.token(sandbox_id, port)
    others = {
        tokens.token(uuid4(), port),
        tokens.token(sandbox_id, Port(81, "private", exposure, port.created_at)),
        tokens.token(sandbox_id, Port(80, "private", uuid4(), port.created_at)),
        other.token(sandbox_id, port),
    }
    assert len(others | {token}) == 5
    public = Port(80, "public", exposure, port.created_at)
    assert tokens.token(sandbox_id, public) == tokens.digest(sandbox_id, public) == ""
