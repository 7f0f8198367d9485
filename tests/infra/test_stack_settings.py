"""What the stack makes of its environment: ports, replicas, secrets, files, the plan."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from infra.stack.blueprint import Site, blueprint
from infra.stack.configuration import DECIDED, EVERY, OWN, handed_on
from infra.stack.dev_env import write_dev_env
from infra.stack.env_file import read_env_file, write_env_file
from infra.stack.errors import PortsInUse, StackError
from infra.stack.layout import Layout
from infra.stack.plan import Address, Plan, plan_from_json
from infra.stack.ports import PER_REPLICA, SINGLE, ports_from
from infra.stack.preflight import addresses_of, check_ports, must_rebind
from infra.stack.secret_file import MAKERS, load_secrets
from infra.stack.settings import stack_settings
from infra.stack.sockets import bind

REPLICAS = {
    "GATEWAY_REPLICAS": "2",
    "AUTH_REPLICAS": "2",
    "SANDBOX_REPLICAS": "2",
    "WS_HUB_REPLICAS": "2",
}


def site(folder: Path, **environ: str) -> Site:
    settings = stack_settings({"INSIEN_PORT_BASE": "21300", **environ}, folder)
    settings.layout.prepare()
    return Site(
        settings=settings,
        secrets=load_secrets(settings.layout, environ),
        database_urls={"auth": "postgresql://a@db/x", "sandbox": "postgresql://s@db/x"},
        redis_url="redis://r/0",
        hub_host="127.0.0.1",
        agent_host="127.0.0.1",
        isolated_host="",
        bundle="/bundle",
    )


def test_default_ports_are_the_products(tmp_path: Path) -> None:
    ports = stack_settings({}, tmp_path).ports
    assert (ports.single("gateway"), ports.single("ws-hub")) == (3000, 3001)
    assert [ports.replica("auth-grpc", n) for n in (1, 2)] == [9081, 9181]


def test_port_base_moves_everything_into_one_block() -> None:
    ports = ports_from({"INSIEN_PORT_BASE": "20000", "PORT": "4000"})
    assert ports.single("gateway") == 4000
    used = [ports.single(name) for name in SINGLE if name != "gateway"]
    used += [ports.replica(name, n) for name in PER_REPLICA for n in range(1, 21)]
    assert len(set(used)) == len(used)
    assert all(20000 <= port < 20100 for port in used)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PORT", "many"),
        ("INSIEN_PORT_BASE", "0"),
        ("WS_HUB_REPLICAS", "0"),
        ("AUTH_REPLICAS", "21"),
        ("DEPLOYMENT", "Not/A/Name"),
    ],
)
def test_wrong_setting_is_named(tmp_path: Path, variable: str, value: str) -> None:
    with pytest.raises(StackError, match=variable):
        stack_settings({variable: value}, tmp_path)


def test_other_deployments_have_networks_of_their_own(tmp_path: Path) -> None:
    assert stack_settings({}, tmp_path).network == "insien-sandboxes"
    other = stack_settings({"DEPLOYMENT": "test"}, tmp_path)
    assert (other.network, other.isolated_network) == ("test-sandboxes", "test-isolated")


def test_secrets_are_made_once_and_closed_to_others(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    first = load_secrets(layout, {})
    assert load_secrets(layout, {}) == first
    assert layout.secrets.stat().st_mode & 0o777 == 0o600
    assert len(set(first.values())) == len(MAKERS)
    assert all(len(first[name]) >= 32 for name in ("INTERNAL_SECRET", "JWT_SECRET", "KEY_PEPPER"))


def test_secret_of_the_environment_wins_and_is_not_written_down(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    made = load_secrets(layout, {})
    given = load_secrets(layout, {"JWT_SECRET": "mine" * 10})
    assert given["JWT_SECRET"] == "mine" * 10
    assert load_secrets(layout, {}) == made


def test_env_file_survives_the_shell_and_its_own_reader(tmp_path: Path) -> None:
    values = {"PLAIN": "x", "QUOTED": 'it\'s "$HOME" `id` \\ #1', "EMPTY": ""}
    file = tmp_path / "x.env"
    write_env_file(file, values)
    assert read_env_file(file) == values
    script = f'. {file}; printf "%s" "$QUOTED"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == values["QUOTED"]


def test_plan_has_every_part_with_its_replicas(tmp_path: Path) -> None:
    plan = blueprint(site(tmp_path, **REPLICAS), [])
    names = {spec.name for spec in plan.processes}
    services = {f"{part}-{n}" for part in ("gateway", "auth", "sandbox", "ws-hub") for n in (1, 2)}
    assert names == services | {"clerk-1"}
    gateway = plan.by_name()["gateway-1"]
    assert gateway.env["AUTH_GRPC"] == "127.0.0.1:21340,127.0.0.1:21341"
    assert gateway.listen == plan.by_name()["gateway-2"].listen
    assert set(plan.by_name()["ws-hub-1"].listen) == {"LISTEN_FD", "HTTP_LISTEN_FD"}


def test_plan_survives_its_file(tmp_path: Path) -> None:
    plan = blueprint(site(tmp_path, **REPLICAS), []).numbered()
    assert plan_from_json(plan.to_json()) == plan


def test_the_same_environment_makes_the_same_plan(tmp_path: Path) -> None:
    assert blueprint(site(tmp_path), []) == blueprint(site(tmp_path), [])


def test_secrets_reach_only_the_parts_that_need_them(tmp_path: Path) -> None:
    where = site(tmp_path)
    owners = {
        "KEY_PEPPER": {"auth"},
        "CLERK_SECRET_KEY": {"auth", "clerk"},
        "CLERK_WEBHOOK_SECRET": {"auth"},
        "JWT_SECRET": {"sandbox", "ws-hub"},
        "INTERNAL_SECRET": {"gateway", "auth", "sandbox", "ws-hub"},
        "POSTGRES_PASSWORD": set(),
    }
    for name, parts in owners.items():
        holders = {
            spec.part
            for spec in blueprint(where, []).processes
            if where.secrets[name] in spec.env.values()
        }
        assert holders == parts, name


@pytest.mark.parametrize(
    ("variable", "parts"),
    [
        ("RATE_LIMIT_PER_KEY", {"gateway", "sandbox"}),
        ("ALLOWED_ORIGINS", {"gateway"}),
        ("CLERK_JWT_KEY", {"auth"}),
        ("WARM_POOL_SIZE", {"sandbox"}),
        ("MAX_SANDBOXES_PER_USER", {"sandbox"}),
        ("SANDBOX_TIMEOUT_MAX_SECONDS", {"sandbox"}),
        ("PREVIEW_DOMAIN", {"gateway", "sandbox"}),
        ("CLERK_AUTHORIZED_PARTIES", {"auth", "clerk"}),
        ("CLERK_API_URL", {"auth"}),
        ("LOG_LEVEL", {"gateway", "auth", "sandbox", "ws-hub", "clerk"}),
    ],
)
def test_configuration_is_handed_on_and_restarts_its_readers(
    tmp_path: Path, variable: str, parts: set[str]
) -> None:
    before = {spec.name: spec.digest for spec in blueprint(site(tmp_path), []).processes}
    after = blueprint(site(tmp_path, **{variable: "17"}), [])
    assert {spec.part for spec in after.processes if spec.env.get(variable) == "17"} == parts
    assert {spec.part for spec in after.processes if spec.digest != before[spec.name]} == parts


def test_documented_name_without_an_owner_goes_to_every_service(tmp_path: Path) -> None:
    example = tmp_path / ".env.example"
    example.write_text("# NEW_LIMIT=5\nRATE_LIMIT_PER_KEY=600\nDATABASE_URL=\nJWT_SECRET=\n")
    environ = {"NEW_LIMIT": "6", "RATE_LIMIT_PER_KEY": "1", "UNHEARD_OF": "x"}
    environ |= {"DATABASE_URL": "postgresql://admin", "JWT_SECRET": "y"}
    assert handed_on("ws-hub", environ, example) == {"NEW_LIMIT": "6"}
    assert handed_on("clerk", environ, example) == {}


def test_what_the_stack_decides_is_never_overridden(tmp_path: Path) -> None:
    where = site(tmp_path)
    stores = {"DATABASE_URL": "postgresql://admin@db/x", "REDIS_URL": "redis://other"}
    given = blueprint(site(tmp_path, **stores, AGENT_BUNDLE="/x", GRPC_PORT="1"), [])
    assert given == blueprint(where, [])
    known = DECIDED.union(EVERY, *OWN.values(), {"CLERK_STATE"})
    assert {name for spec in given.processes for name in spec.env} <= known


def test_taken_ports_are_all_named_with_their_parts(tmp_path: Path) -> None:
    plan = blueprint(site(tmp_path), [])
    clerk, auth = plan.by_name()["clerk-1"], plan.by_name()["auth-1"]
    taken = [clerk.listen["LISTEN_FD"], auth.binds[0]]
    listeners = [bind(address) for address in taken]
    try:
        with pytest.raises(PortsInUse) as refusal:
            check_ports(plan, Plan())
        assert f"port {taken[0].port} (clerk)" in str(refusal.value)
        assert f"port {taken[1].port} (auth)" in str(refusal.value)
        check_ports(plan, plan)
    finally:
        for listener in listeners:
            listener.close()


def test_one_port_for_two_parts_is_refused(tmp_path: Path) -> None:
    clash = site(tmp_path, AUTH_PORT="21399", SANDBOX_PORT="21399")
    with pytest.raises(PortsInUse, match="21399 is asked for by both"):
        check_ports(blueprint(clash, []), Plan())


def test_dev_env_has_every_documented_name(tmp_path: Path) -> None:
    where = site(tmp_path)
    write_dev_env(where, "postgresql://admin@db/x", "isk_key")
    values = read_env_file(where.settings.layout.dev_env)
    names = [
        "INSIEN_API_URL",
        "INSIEN_API_KEY",
        "INSIEN_PREVIEW_DOMAIN",
        "INSIEN_CLERK_URL",
        "CLERK_WEBHOOK_SECRET",
        "DATABASE_URL",
        "REDIS_URL",
        "INSIEN_AUTH_URL",
        "INSIEN_SANDBOX_URL",
        "INSIEN_WS_HUB_URL",
        "INSIEN_AUTH_GRPC",
        "INSIEN_SANDBOX_GRPC",
        "INSIEN_WS_HUB_GRPC",
        "INSIEN_AGENT_URL",
        "INTERNAL_SECRET",
        "JWT_SECRET",
        "KEY_PEPPER",
    ]
    assert all(values[name] for name in names)
    assert values["INSIEN_AGENT_URL"] == "ws://127.0.0.1:21301"
    assert where.settings.layout.dev_env.stat().st_mode & 0o777 == 0o600


def test_digest_of_a_process_changes_with_its_address(tmp_path: Path) -> None:
    spec = blueprint(site(tmp_path), []).by_name()["auth-1"]
    moved = replace(spec, listen={"LISTEN_FD": Address("127.0.0.1", 1)})
    assert moved.digest != spec.digest
    assert addresses_of(moved)[0].port == 1


def test_port_that_moves_to_another_address_is_rebound(tmp_path: Path) -> None:
    running = blueprint(site(tmp_path), [])
    assert must_rebind(blueprint(site(tmp_path, HOST="0.0.0.0"), []), running)
    assert not must_rebind(blueprint(site(tmp_path, PORT="21398"), []), running)
    assert not must_rebind(running, Plan())


def test_an_unchanged_plan_moves_no_port_also_when_one_port_has_two_addresses(
    tmp_path: Path,
) -> None:
    bridged = replace(site(tmp_path), hub_host="172.30.0.1")
    plan = blueprint(bridged, [])
    assert not must_rebind(plan, plan)
    assert must_rebind(blueprint(site(tmp_path), []), plan)
