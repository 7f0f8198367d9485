"""Templates from files, and fingerprints of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.templates import Catalog, TemplateInvalid, load
from tests.sandbox.running_service import write_template

SHIPPED = Path(__file__).parents[2] / "infra" / "templates"


def test_the_templates_that_are_shipped_can_be_read() -> None:
    found = load(SHIPPED, 2)
    assert {"default", "python", "node", "minimal"} <= set(found)
    assert {template.warm for template in found.values()} == {2}


def test_a_template_may_say_its_runtime_and_how_many_are_warm(tmp_path: Path) -> None:
    write_template(tmp_path, "a", "x:1", 'runtime = "runsc"\nwarm = 5')
    (found,) = load(tmp_path, 2).values()
    assert (found.runtime, found.warm) == ("runsc", 5)


@pytest.mark.parametrize("more", ["nonsense = 1", "warm = -1", "= broken"])
def test_a_wrong_template_is_named(tmp_path: Path, more: str) -> None:
    write_template(tmp_path, "a", "x:1", more)
    with pytest.raises(TemplateInvalid, match=r"a/template\.toml"):
        load(tmp_path, 0)


def test_two_templates_of_one_name_are_refused(tmp_path: Path) -> None:
    write_template(tmp_path, "a", "x:1")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "template.toml").write_text((tmp_path / "a" / "template.toml").read_text())
    with pytest.raises(TemplateInvalid, match="taken"):
        load(tmp_path, 0)


def test_a_fingerprint_changes_with_image_limits_runtime_and_site(tmp_path: Path) -> None:
    write_template(tmp_path, "a", "x:1")
    templates = load(tmp_path, 1)
    template = templates["a"]
    catalog = Catalog(templates, "site")
    assert catalog.fingerprint(template) == ""
    catalog.saw_image("x:1", "sha256:1")
    first = catalog.fingerprint(template)
    other_site = Catalog(templates, "other site")
    other_site.saw_image("x:1", "sha256:1")
    larger = replace(template, resources=replace(template.resources, cpus=2.0))
    changed = {
        catalog.fingerprint(replace(template, runtime="runsc")),
        catalog.fingerprint(larger),
        other_site.fingerprint(template),
    }
    catalog.saw_image("x:1", "sha256:2")
    changed.add(catalog.fingerprint(template))
    assert len(changed | {first}) == 5
    assert catalog.fingerprint(replace(template, description="other")) in changed
