"""The networks and rules, tried from inside real containers."""

import contextlib
import secrets
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from infra.engine import Docker
from infra.firewall import Deployment, FirewallError, Target, apply, remove, verify
from infra.firewall.deployment import Bridge
from infra.firewall.networks import bridge_of, find
from infra.firewall.resolvers import resolvers
from infra.firewall.rules import PRIVATE, Access, chains
from infra.firewall.tables import docker_tables
from tests.infra.containers import Container, running

SLEEP = ("sleep", "600")
# nc ends at once with 0 when connected, with 1 when refused or timed out.
CONNECT = "nc -w 3 {} {} </dev/null"


@dataclass(frozen=True, slots=True)
class Fence:
    """An applied deployment; a listener stands at ``hub_port`` and one at ``other_port``."""

    deployment: Deployment
    open: Bridge
    isolated: Bridge
    hub_port: int
    other_port: int


class _Greeter(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"hello\n")


@contextlib.contextmanager
def listener(address: str) -> Iterator[int]:
    server = socketserver.ThreadingTCPServer((address, 0), _Greeter)
    with server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield int(server.server_address[1])
        server.shutdown()
        thread.join()


def quiet(_text: str) -> None:
    return None


def bridges_of(docker: Docker, deployment: Deployment) -> list[Bridge]:
    found = []
    for network in (deployment.open, deployment.isolated):
        description = find(docker, network)
        assert description is not None
        found.append(bridge_of(description, network))
    return found


@pytest.fixture(scope="module")
def fence(docker: Docker) -> Iterator[Fence]:
    deployment = Deployment.from_environment({"DEPLOYMENT": f"test-{secrets.token_hex(4)}"})
    apply(docker, deployment, 1, [], quiet)
    opened, isolated = bridges_of(docker, deployment)
    try:
        with listener(str(opened.gateway)) as hub_port, listener("0.0.0.0") as other_port:
            apply(docker, deployment, hub_port, [], quiet)
            yield Fence(deployment, opened, isolated, hub_port, other_port)
    finally:
        remove(docker, deployment, quiet)


@pytest.fixture(scope="module")
def inside(fence: Fence, images: dict[str, str]) -> Iterator[Container]:
    options = ("--network", fence.deployment.open.name, "--cap-drop", "ALL")
    with running(images["minimal"], SLEEP, options) as container:
        yield container


@pytest.fixture(scope="module")
def isolated(fence: Fence, images: dict[str, str]) -> Iterator[Container]:
    options = ("--network", fence.deployment.isolated.name, "--cap-drop", "ALL")
    with running(images["minimal"], SLEEP, options) as container:
        yield container


def reaches(container: Container, address: object, port: int) -> bool:
    return container.sh(CONNECT.format(address, port)).code == 0


def test_the_hub_port_on_the_gateway_is_open(fence: Fence, inside: Container) -> None:
    answer = inside.sh(CONNECT.format(fence.open.gateway, fence.hub_port))
    assert answer.output == "hello\n"


def test_any_other_port_of_the_host_is_refused(fence: Fence, inside: Container) -> None:
    assert not reaches(inside, fence.open.gateway, fence.other_port)
    assert not reaches(inside, fence.isolated.gateway, fence.other_port)


def test_the_hub_port_is_open_on_no_other_address_of_the_host(
    fence: Fence, inside: Container
) -> None:
    assert not reaches(inside, fence.isolated.gateway, fence.hub_port)


def test_sandboxes_do_not_reach_each_other(
    fence: Fence, inside: Container, images: dict[str, str]
) -> None:
    options = ("--network", fence.deployment.open.name)
    with running(images["minimal"], ("nc", "-ll", "-p", "7000", "-e", "date"), options) as other:
        assert other.sh(CONNECT.format("127.0.0.1", 7000)).code == 0
        assert not reaches(inside, other.address, 7000)
        assert inside.sh(f"ping -c 1 -W 2 {other.address}").code != 0


def test_a_container_on_another_network_is_not_reached(
    inside: Container, images: dict[str, str]
) -> None:
    with running(images["minimal"], ("nc", "-ll", "-p", "7000", "-e", "date")) as other:
        assert not reaches(inside, other.address, 7000)


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "10.0.0.1", "192.168.0.1", "172.16.0.1", "100.64.0.1"]
)
def test_private_and_metadata_addresses_are_refused_at_once(
    inside: Container, address: str
) -> None:
    tried = inside.sh(CONNECT.format(address, 80))
    assert tried.code != 0
    assert "Connection refused" in tried.output


def test_names_are_resolved_where_the_host_resolves_them(inside: Container) -> None:
    """The embedded name server asks the host's ones from inside the sandbox's network."""
    if not resolvers():
        pytest.fail("this machine has no name server to test with")
    assert inside.sh("nslookup localhost. 127.0.0.11").output.count("Address") >= 1
    for address in resolvers():
        answered = inside.sh(f"nslookup example.invalid. {address}")
        assert "NXDOMAIN" in answered.output or "can't find" in answered.output
        assert "timed out" not in answered.output


def test_a_name_server_is_reached_on_port_53_only(inside: Container) -> None:
    for address in resolvers():
        if address.is_private:
            assert not reaches(inside, address, 54)


def test_an_isolated_sandbox_reaches_the_hub_on_its_own_gateway(
    fence: Fence, isolated: Container
) -> None:
    answer = isolated.sh(CONNECT.format(fence.isolated.gateway, fence.hub_port))
    assert answer.output == "hello\n"


def test_an_isolated_sandbox_reaches_nothing_else(
    fence: Fence, isolated: Container, inside: Container
) -> None:
    assert not reaches(isolated, fence.isolated.gateway, fence.other_port)
    assert not reaches(isolated, fence.open.gateway, fence.other_port)
    assert not reaches(isolated, inside.address, 1)
    assert not reaches(isolated, "192.0.2.1", 80)
    for address in resolvers():
        assert not reaches(isolated, address, 53)
    assert "Address: 2" not in isolated.sh("nslookup example.com.").output


def test_a_hub_in_a_container_is_reached_where_allowed(
    docker: Docker, fence: Fence, inside: Container, images: dict[str, str]
) -> None:
    options = ("--network", fence.deployment.open.name)
    serve = ("nc", "-ll", "-p", "3001", "-e", "echo", "hub")
    with running(images["minimal"], serve, options) as hub:
        assert not reaches(inside, hub.address, 3001)
        target = Target.parse(f"{hub.address}:3001")
        apply(docker, fence.deployment, fence.hub_port, [target], quiet)
        try:
            assert inside.sh(CONNECT.format(hub.address, 3001)).output == "hub\n"
            assert not reaches(inside, hub.address, 3002)
        finally:
            apply(docker, fence.deployment, fence.hub_port, [], quiet)
        assert not reaches(inside, hub.address, 3001)


def test_applying_twice_changes_nothing(docker: Docker, fence: Fence) -> None:
    before = bridges_of(docker, fence.deployment)
    apply(docker, fence.deployment, fence.hub_port, [], quiet)
    assert bridges_of(docker, fence.deployment) == before
    hooks = docker_tables().rules("filter", "DOCKER-USER") or []
    assert sum(f"-i {fence.open.name} " in hook for hook in hooks) == 1


def test_verify_is_content_with_what_apply_made(docker: Docker, fence: Fence) -> None:
    assert verify(docker, fence.deployment, fence.hub_port, []) == []


@pytest.mark.parametrize(
    ("harm", "fault"),
    [
        (
            (
                "-D",
                "INSIEN-FWD-{0}",
                "-d",
                "169.254.0.0/16",
                "-j",
                "REJECT",
                "--reject-with",
                "icmp-admin-prohibited",
            ),
            "other rules",
        ),
        (("-I", "INSIEN-IN-{0}", "-j", "ACCEPT"), "other rules"),
        (("-D", "DOCKER-USER", "-i", "{0}", "-j", "INSIEN-FWD-{0}"), "not at the head"),
        (("-I", "INPUT", "-i", "{0}", "-p", "udp", "-j", "ACCEPT"), "not at the head"),
    ],
)
def test_verify_finds_what_was_tampered_with_and_apply_mends_it(
    docker: Docker, fence: Fence, harm: tuple[str, ...], fault: str
) -> None:
    program = docker_tables().program
    bridge = fence.open.name
    subprocess.run([program, "-w", *(word.format(bridge) for word in harm)], check=True)
    try:
        assert fault in " ".join(verify(docker, fence.deployment, fence.hub_port, []))
        apply(docker, fence.deployment, fence.hub_port, [], quiet)
        assert verify(docker, fence.deployment, fence.hub_port, []) == []
    finally:
        stray = [program, "-w", "-D", "INPUT", "-i", bridge, "-p", "udp", "-j", "ACCEPT"]
        subprocess.run(stray, check=False, capture_output=True)


def test_another_deployments_network_is_not_taken_over(docker: Docker, fence: Fence) -> None:
    theirs = fence.deployment.open
    names = {"DEPLOYMENT": "stranger", "SANDBOX_NETWORK": theirs.name}
    stranger = Deployment.from_environment({**names, "INSIEN_BRIDGE": theirs.bridge})
    with pytest.raises(FirewallError, match="belongs to deployment"):
        apply(docker, stranger, 3001, [], quiet)


def test_two_deployments_have_bridges_of_their_own() -> None:
    names = {
        network.bridge
        for label in ("insien", "insien-test", "a" * 40)
        for deployment in [Deployment.from_environment({"DEPLOYMENT": label})]
        for network in (deployment.open, deployment.isolated)
    }
    assert len(names) == 6
    assert all(len(name) <= 15 for name in names)


@pytest.mark.parametrize("text", ["10.0.0.1", "10.0.0.1:0", "10.0.0.1:65536", "host:80", ":80"])
def test_a_malformed_target_is_refused(text: str) -> None:
    with pytest.raises(FirewallError):
        Target.parse(text)


def test_an_allowed_address_elsewhere_is_not_opened_to_isolated_sandboxes() -> None:
    bridge = Bridge("b", IPv4Network("172.30.0.0/24"), IPv4Address("172.30.0.1"), internal=True)
    outside, hub = Target.parse("10.1.1.1:5432"), Target.parse("172.30.0.7:3001")
    access = Access(Target.parse("172.29.0.1:3001"), [outside, hub], [IPv4Address("9.9.9.9")])
    text = str(chains(bridge, access))
    assert "172.30.0.7/32" in text
    assert "10.1.1.1" not in text
    assert "9.9.9.9" not in text


@pytest.mark.parametrize("address", ["169.254.169.254", "100.100.100.200", "239.1.1.1", "10.9.8.7"])
def test_every_inside_address_is_in_a_refused_range(address: str) -> None:
    assert any(IPv4Address(address) in IPv4Network(network) for network in PRIVATE)


def test_loopback_name_servers_are_replaced_by_the_real_ones(tmp_path: Path) -> None:
    stub, real = tmp_path / "stub", tmp_path / "real"
    stub.write_text("nameserver 127.0.0.53\nnameserver ::1\n")
    real.write_text("# comment\nnameserver 192.168.1.1\nnameserver fe80::1\nsearch lan\n")
    assert resolvers(stub, real) == [IPv4Address("192.168.1.1")]
    assert resolvers(stub, tmp_path / "none") == []
