"""compose.yaml, infra/Dockerfile, infra/k8s as documents: what must hold before anything runs."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.compose.new_env import GIVEN, MADE, new_env
from infra.compose.wheels import SERVICES, locked, wanted

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "compose.yaml").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
RUNNING: dict[str, Any] = COMPOSE["services"]
DOCUMENTED = (ROOT / ".env.example").read_text() + (ROOT / "docs/operations/compose.md").read_text()
SOCKET = "/var/run/docker.sock"
SECRETS = {*MADE, "CLERK_SECRET_KEY", "CLERK_WEBHOOK_SECRET"}
ONE_SHOT = {"database", "migrate-auth", "migrate-sandbox", "agent-bundle", "images"}


def manifests() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted((ROOT / "infra/k8s").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text("utf-8")):
            yield path.name, document


def test_no_secret_has_a_default() -> None:
    for name, marker in re.findall(r"\$\{([A-Z_]+)(:[-?])", TEXT):
        if name in SECRETS:
            assert marker == ":?", f"{name} has a default"
    assert set(re.findall(r"\$\{([A-Z_]+):\?", TEXT)) >= SECRETS


def test_only_the_gateway_publishes_a_port() -> None:
    assert [name for name, each in RUNNING.items() if "ports" in each] == ["gateway"]


def test_every_service_can_be_scaled() -> None:
    assert not [name for name, each in RUNNING.items() if "container_name" in each]
    assert "name" not in COMPOSE


def test_only_those_that_need_the_engine_have_its_socket() -> None:
    having = {name for name, each in RUNNING.items() if SOCKET in str(each.get("volumes"))}
    assert having == {"sandbox", "fence", "images"}


@pytest.mark.parametrize("name", RUNNING)
def test_every_container_is_hardened(name: str) -> None:
    service = RUNNING[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["read_only"] is True
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"]["max-size"]
    assert service["pids_limit"] > 0
    assert not service.get("privileged")


@pytest.mark.parametrize("name", sorted(set(RUNNING) - ONE_SHOT))
def test_what_runs_is_limited_and_comes_back(name: str) -> None:
    assert RUNNING[name]["restart"] == "unless-stopped"
    assert RUNNING[name]["mem_limit"]


def test_only_the_hub_stands_on_the_sandboxes_networks() -> None:
    for network in ("sandboxes", "isolated"):
        assert [n for n, each in RUNNING.items() if network in each.get("networks", ())] == [
            "ws-hub"
        ]


def test_the_database_is_out_of_reach_of_gateway_and_hub() -> None:
    on_data = {name for name, each in RUNNING.items() if "data" in each.get("networks", ())}
    assert on_data == {"auth", "sandbox", "postgres", "database", "migrate-auth", "migrate-sandbox"}
    assert COMPOSE["networks"]["data"] == {"internal": True}


def test_every_variable_is_documented() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", TEXT))
    missing = {name for name in used if not re.search(rf"\b{name}\b", DOCUMENTED)}
    assert missing == set()


def test_the_development_sign_in_is_no_part_of_production() -> None:
    assert "dev_clerk" not in TEXT
    assert "infra/dev_clerk" in (ROOT / ".dockerignore").read_text()


def test_each_service_is_built_from_its_own_package() -> None:
    for name, folder in SERVICES.items():
        assert RUNNING[name]["build"]["args"]["PACKAGE"] == name
        assert (ROOT / folder / "pyproject.toml").exists()


def test_each_image_installs_only_what_its_package_asks_for() -> None:
    def names(part: str) -> set[str]:
        return {re.split(r"[\[<>=;]", item)[0] for item in wanted(part)}

    assert "asyncpg" in names("auth") & names("sandbox")
    assert "asyncpg" not in names("ws-hub") | names("gateway")
    assert "aiodocker" in names("sandbox")
    assert "aiodocker" not in names("auth") | names("ws-hub") | names("gateway")


def test_the_lock_has_hashes_for_everything_an_image_installs() -> None:
    lock = locked((ROOT / "requirements.lock").read_text("utf-8"))
    for item in wanted("all"):
        name = re.split(r"[\[<>=;]", item)[0].strip().lower()
        assert "--hash=sha256:" in lock[name]


def test_a_new_env_has_a_value_for_every_secret_that_can_be_made(tmp_path: Path) -> None:
    made = new_env({}, tmp_path / "no-socket")
    assert all(len(made[name]) == 64 for name in MADE)
    assert len({made[name] for name in MADE}) == len(MADE)
    assert all(made[name] == "" for name in GIVEN)
    assert new_env({"JWT_SECRET": "given"}, tmp_path)["JWT_SECRET"] == "given"


def test_manifests_name_only_images_that_are_built_and_secrets_that_are_told() -> None:
    told = (ROOT / "infra/k8s/README.md").read_text()
    listed = {each["name"] for _, doc in manifests() for each in doc.get("images", ())}
    for file, document in manifests():
        pod = document.get("spec", {}).get("template", {}).get("spec", {})
        for container in pod.get("containers", []) + pod.get("initContainers", []):
            assert container["image"] in listed, file
            assert container["securityContext"]["capabilities"]["drop"] == ["ALL"], file
            for source in container.get("envFrom", ()):
                name = source.get("secretRef", {}).get("name", "insien-internal")
                assert f"secret generic {name} " in told


def test_every_manifest_is_in_the_kustomization() -> None:
    listed = next(doc for file, doc in manifests() if file == "kustomization.yaml")["resources"]
    there = {path.name for path in (ROOT / "infra/k8s").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(listed) == there


def test_every_deployment_has_probes_a_budget_and_a_policy() -> None:
    documents = [document for _, document in manifests()]
    budgets = {d["metadata"]["name"] for d in documents if d["kind"] == "PodDisruptionBudget"}
    for document in (d for d in documents if d["kind"] == "Deployment"):
        container = document["spec"]["template"]["spec"]["containers"][0]
        assert {"livenessProbe", "readinessProbe"} <= container.keys()
        assert document["metadata"]["name"] in budgets
    assert any(d["kind"] == "NetworkPolicy" and d["spec"]["podSelector"] == {} for d in documents)
