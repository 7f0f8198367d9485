"""The images as they are used: templates for sandboxes, bases for a deployment."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.engine import Docker
from infra.images import BuildFailed, ensure_bases, ensure_templates, load_templates
from infra.images.build import ensure_images
from infra.images.recipe import DIGEST_LABEL, Recipe, base_recipes
from infra.images.template import TEMPLATES, BadTemplate, load_template
from tests.infra.containers import Container, run, running


def quiet(_text: str) -> None:
    return None


@pytest.fixture(scope="session")
def bases(docker: Docker) -> dict[str, str]:
    return ensure_bases(docker, ["postgres", "redis"], quiet)


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_the_default_template_has_what_it_promises(images: dict[str, str]) -> None:
    tools = "python3 python pip node git curl ps bash"
    done = run(images["default"], ["sh", "-c", f"for t in {tools}; do command -v $t; done"])
    assert len(done.output.splitlines()) == len(tools.split())


def test_the_default_templates_user_is_uid_1000_at_home(images: dict[str, str]) -> None:
    command = "id -u; pwd; echo ~; touch ~/x && echo written; getent passwd user"
    done = run(images["default"], ["sh", "-c", command], ["--user", "user"])
    lines = done.output.splitlines()
    assert lines[:4] == ["1000", "/home/user", "/home/user", "written"]
    assert lines[4].endswith(":/home/user:/bin/bash")


def test_pip_and_venv_work_for_the_user(images: dict[str, str]) -> None:
    command = "pip check && python -m venv /tmp/v && /tmp/v/bin/python -c 'print(42)'"
    done = run(images["default"], ["sh", "-c", command], ["--user", "user"])
    assert done.output.splitlines()[-1] == "42"
    assert (
        "externally-managed"
        not in run(
            images["default"], ["sh", "-c", "pip install --no-index nothing"], ["--user", "user"]
        ).output
    )


def test_the_minimal_template_holds_busybox_and_nothing_else(images: dict[str, str]) -> None:
    command = "find / -xdev -type f -size +0 | grep -v -e ^/proc -e ^/sys; cat /etc/passwd"
    lines = run(images["minimal"], ["sh", "-c", command]).output.splitlines()
    made_by_docker = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}
    assert set(lines[:-1]) - made_by_docker == {"/bin/busybox", "/etc/passwd", "/etc/group"}
    assert lines[-1] == "root:x:0:0:root:/root:/bin/sh"


def test_what_is_built_is_not_built_again(docker: Docker, images: dict[str, str]) -> None:
    before = docker.inspect_image(images["minimal"])
    said: list[str] = []
    ensure_templates(docker, ["minimal"], said.append)
    assert said == [f"{images['minimal']} is up to date"]
    assert docker.inspect_image(images["minimal"]) == before


def test_a_changed_recipe_is_stale_and_a_changed_limit_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "minimal"
    shutil.copytree(TEMPLATES / "minimal", folder)
    recipe = Recipe("minimal", "x:1", folder)
    before = recipe.digest()
    (folder / "template.toml").write_text("")
    assert recipe.digest() == before
    with (folder / "Dockerfile").open("a") as file:
        file.write("# more\n")
    assert recipe.digest() != before


def test_every_template_names_itself_and_an_image_of_its_own(docker: Docker) -> None:
    templates = load_templates()
    assert templates[0].name == "default"
    assert {template.name for template in templates} == {"default", "python", "node", "minimal"}
    assert len({template.image for template in templates}) == len(templates)
    for template in templates:
        assert template.workdir.startswith("/")
        assert template.resources.pids > 0


def test_the_label_tells_the_recipe(docker: Docker, images: dict[str, str]) -> None:
    template = load_template("minimal")
    found = docker.inspect_image(images["minimal"])
    assert found is not None
    recipe = Recipe("minimal", template.image, template.folder)
    assert found["Config"]["Labels"][DIGEST_LABEL] == recipe.digest()


def test_unknown_names_are_refused(docker: Docker) -> None:
    with pytest.raises(BadTemplate, match="nonesuch"):
        ensure_templates(docker, ["nonesuch"], quiet)
    with pytest.raises(BadTemplate, match="no template"):
        load_template("../images")
    with pytest.raises(BuildFailed, match="nonesuch"):
        ensure_bases(docker, ["nonesuch"], quiet)


def test_a_template_that_lacks_a_field_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/template.toml").write_text('name = "broken"\n[resources]\n')
    with pytest.raises(BadTemplate, match="description"):
        load_template("broken", tmp_path)


def test_a_build_that_fails_tells_the_end_of_its_output(docker: Docker, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/Dockerfile").write_text(
        "ARG BASE\nFROM ${BASE}\nRUN echo the very reason && exit 3\n"
    )
    with pytest.raises(BuildFailed, match="the very reason"):
        ensure_images(
            docker, [Recipe("broken", "insien/broken:1", tmp_path / "broken")], quiet, False
        )
    assert docker.inspect_image("insien/broken:1") is None


def test_all_bases_have_recipes() -> None:
    assert [recipe.name for recipe in base_recipes()] == ["python", "postgres", "redis"]
    for recipe in base_recipes():
        assert (recipe.folder / "Dockerfile").is_file()


POSTGRES = ("-e", "POSTGRES_USER=ada", "-e", "POSTGRES_PASSWORD=s3cret", "-e", "POSTGRES_DB=lab")


def psql(container: Container, sql: str, host: str = "127.0.0.1", password: str = "s3cret") -> str:
    address = f"postgresql://ada:{password}@{host}/lab"
    return container.sh(f"psql -tAc {sql!r} {address}").output.strip()


def test_postgres_makes_user_password_and_database_on_the_first_start(
    bases: dict[str, str],
) -> None:
    with running(bases["postgres"], options=POSTGRES) as container:
        eventually(lambda: psql(container, "select 1") == "1")
        assert psql(container, "select current_user, current_database()") == "ada|lab"
        assert "authentication failed" in psql(container, "select 1", password="wrong")
        assert psql(container, "select 2", host=container.address) == "2"
        assert container.sh("stat -c %U /proc/1").output.strip() == "postgres"


def test_postgres_keeps_its_data_over_a_kill(bases: dict[str, str]) -> None:
    with running(bases["postgres"], options=POSTGRES) as container:
        eventually(lambda: psql(container, "select 1") == "1")
        psql(container, "create table kept (n int); insert into kept values (7)")
        container.kill_and_start()
        eventually(lambda: psql(container, "select n from kept") == "7")


def test_postgres_killed_during_its_first_start_starts_afresh(bases: dict[str, str]) -> None:
    with running(bases["postgres"], options=POSTGRES) as container:
        eventually(lambda: container.sh("test -e $PGDATA/.new/PG_VERSION").code == 0)
        container.kill_and_start()
        eventually(lambda: psql(container, "select current_user") == "ada")
        assert container.sh("test -e $PGDATA/.new").code == 1


def test_postgres_without_a_password_refuses_to_start(bases: dict[str, str]) -> None:
    done = run(bases["postgres"], [])
    assert done.code != 0
    assert "POSTGRES_PASSWORD" in done.output


def test_redis_answers_on_the_network_as_its_own_user(bases: dict[str, str]) -> None:
    options = ["--appendonly", "yes"]
    with running(bases["redis"], options) as container:
        ping = f"redis-cli -h {container.address} ping"
        eventually(lambda: container.sh(ping).output.strip() == "PONG")
        assert container.sh("redis-cli config get appendonly").output.split() == [
            "appendonly",
            "yes",
        ]
        assert container.sh("stat -c %U /proc/1").output.strip() == "redis"
