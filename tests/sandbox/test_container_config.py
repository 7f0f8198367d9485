"""The container of a sandbox, as Docker is told."""

import json
from pathlib import Path
from uuid import uuid4

from sandbox.models import ContainerSpec, Resources
from sandbox.runtime import container_config
from sandbox.runtime.container_config import Site

SITE = Site("d", "/bundle", ("/agent",), "net", "isolated")


def spec(runtime: str = "") -> ContainerSpec:
    limits = Resources(1.5, 128, 64, 32)
    return ContainerSpec(uuid4(), "x:1", runtime, limits, "none", {"A": "b"})


def test_quota_and_runtime_are_asked_for_only_when_there_are_some() -> None:
    plain = container_config.container_config(spec(), SITE, storage_quota=False)["HostConfig"]
    assert "StorageOpt" not in plain
    assert "Runtime" not in plain
    assert plain["NetworkMode"] == "isolated"
    assert plain["NanoCpus"] == 1_500_000_000
    full = container_config.container_config(spec("runsc"), SITE, storage_quota=True)["HostConfig"]
    assert full["StorageOpt"] == {"size": "64m"}
    assert full["Runtime"] == "runsc"


def test_the_bundle_says_how_it_is_started(tmp_path: Path) -> None:
    bundle = tmp_path / "agents" / "1"
    bundle.mkdir(parents=True)
    (bundle / "entrypoint.json").write_text(json.dumps({"argv": ["/a", "b"]}))
    (bundle / "VERSION").write_text("7\n")
    link = tmp_path / "agent"
    link.symlink_to(bundle)
    assert container_config.read_entrypoint(str(link), ("/else",)) == ("/a", "b")
    assert container_config.read_version(str(link)) == "7"
    assert container_config.resolve_bundle(str(link)) == str(bundle)


def test_a_volume_cannot_be_read_from_here() -> None:
    assert container_config.read_entrypoint("volume", ("/else",)) == ("/else",)
    assert container_config.read_version("volume") == ""
    assert container_config.resolve_bundle("volume") == "volume"
