import uuid

import pytest

from insien import Client, Gone, Invalid, NotConfigured, NotFound, Unauthenticated
from insien.core.call import sandbox_path
from insien.core.settings import ClientSettings
from tests.sdk.conftest import Served
from tests.sdk.fake_api import KEY, MISSING, problem


def test_a_sandbox_is_made_used_and_destroyed_by_its_context(client: Client) -> None:
    with client.create("minimal", metadata={"label": "a"}, timeout_seconds=60) as sandbox:
        assert client.get(sandbox.id).id == sandbox.id
        status = sandbox.status()
        assert (status.status, status.template) == ("running", "minimal")
        assert status.metadata == {"label": "a"}
        assert status.container is not None
        assert status.container.running
        assert sandbox.id in repr(sandbox)
    assert sandbox.status().status == "destroyed"


def test_only_what_is_given_is_sent(client: Client, served: Served) -> None:
    client.create()
    client.create(
        "default",
        wait=False,
        env={"A": "1"},
        resources={"cpus": 2, "memoryMb": 256},
        network={"egress": "none"},
    )
    assert served.api.bodies == [
        {},
        {
            "template": "default",
            "wait": False,
            "env": {"A": "1"},
            "resources": {"cpus": 2, "memoryMb": 256},
            "network": {"egress": "none"},
        },
    ]


def test_the_same_idempotency_key_gives_the_same_sandbox(client: Client) -> None:
    key = str(uuid.uuid4())
    first, second, third = (client.create(idempotency_key=k).id for k in (key, key, None))
    assert first == second != third


def test_lists_turn_all_pages_and_filter(client: Client) -> None:
    made = [client.create(metadata={"label": name}) for name in "abc"]
    made[0].pause()
    assert [one.id for one in client.list()] == [sandbox.id for sandbox in made]
    assert [one.id for one in client.list(status="paused")] == [made[0].id]
    assert [one.id for one in client.list(metadata={"label": "c"})] == [made[2].id]


def test_the_life_of_a_sandbox(client: Client) -> None:
    sandbox = client.create()
    assert sandbox.pause().status == "paused"
    assert sandbox.resume().status == "running"
    expires = sandbox.extend(33).expires_at
    assert expires is not None
    assert expires.second == 33
    assert sandbox.metrics().memory_bytes == 7
    assert [event.type for event in sandbox.events()] == ["created", "started"]
    sandbox.destroy()
    assert sandbox.status().reason == "user"


def test_ports_are_opened_listed_and_closed(client: Client) -> None:
    sandbox = client.create()
    assert sandbox.expose(8000).token is None
    assert sandbox.expose(9000, "private").token == "secret"
    assert [(port.port, port.access) for port in sandbox.ports()] == [
        (8000, "public"),
        (9000, "private"),
    ]
    sandbox.close_port(8000)
    assert [port.port for port in sandbox.status().ports] == [9000]
    assert sandbox.token(60).entry_url is None
    assert sandbox.token(port=9000).entry_url == "http://9000-x"


def test_templates_and_limits(client: Client) -> None:
    assert [template.languages for template in client.templates()] == [("python",)]
    assert client.limits() == {"sandboxes": {"limit": 20, "used": 1}}


def test_errors_carry_what_the_server_said(client: Client) -> None:
    with pytest.raises(NotFound) as missing:
        client.get(MISSING)
    error = missing.value
    assert (error.status, error.code, error.request_id) == (404, "sandbox_not_found", "req-12345")
    assert str(error) == "It is sandbox_not_found. (404 sandbox_not_found, request req-12345)"
    with pytest.raises(Invalid) as invalid:
        client.create("wrong")
    assert [(one.field, one.message) for one in invalid.value.errors] == [
        ("template", "no such template")
    ]


def test_an_ended_sandbox_is_gone(client: Client, served: Served) -> None:
    served.api.faults.append(lambda: problem(410, "sandbox_destroyed"))
    with pytest.raises(Gone):
        client.get(MISSING)


def test_a_wrong_key_is_refused(served: Served) -> None:
    with Client(served.url, "isk_wrong") as stranger, pytest.raises(Unauthenticated):
        stranger.templates()


def test_ids_cannot_leave_their_place_in_the_path(client: Client, served: Served) -> None:
    assert sandbox_path("../api/limits?", "a b") == "/sandbox/..%2Fapi%2Flimits%3F/a%20b"
    for text in ("", ".", ".."):
        with pytest.raises(Invalid, match="is no id"):
            client.get(text)
    assert served.api.requests == []


def test_address_and_key_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSIEN_API_URL", "https://api.example.com/")
    monkeypatch.setenv("INSIEN_API_KEY", "isk_env")
    settings = ClientSettings.resolve(None, None, 1)
    assert (settings.api_url, settings.api_key) == ("https://api.example.com", "isk_env")
    assert ClientSettings.resolve("http://given", "isk_given", 1).api_url == "http://given"
    assert "isk_env" not in repr(settings)


def test_without_a_key_there_is_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INSIEN_API_KEY", raising=False)
    with pytest.raises(NotConfigured):
        Client("http://localhost")


@pytest.mark.parametrize(
    ("url", "proxied"),
    [
        ("http://localhost:3000", False),
        ("http://api.localhost", False),
        ("http://127.0.0.1:3000", False),
        ("http://[::1]:3000", False),
        ("http://192.0.2.1", True),
        ("https://api.example.com", True),
    ],
)
def test_proxies_never_stand_before_this_machine(url: str, proxied: bool) -> None:
    assert ClientSettings(url, KEY, 1).trust_env is proxied
