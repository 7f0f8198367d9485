"""What can be set is written down.

Why: a variable that only the code knows is found by the operator at three in the morning.
"""

import re
from pathlib import Path

import pytest

import auth.settings
import gateway.settings
import sandbox.settings
import ws_hub.settings

ROOT = Path(__file__).resolve().parents[2]
CLASSES = (
    auth.settings.Settings,
    gateway.settings.GatewaySettings,
    sandbox.settings.SandboxSettings,
    ws_hub.settings.HubSettings,
)
SECRETS = ("INTERNAL_SECRET", "JWT_SECRET", "KEY_PEPPER", "CLERK_SECRET_KEY", "DATABASE_URL")


def _documented() -> dict[str, str]:
    text = (ROOT / ".env.example").read_text("utf-8")
    return dict(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


@pytest.mark.parametrize("settings", CLASSES, ids=lambda c: c.__module__)
def test_every_variable_of_a_service_is_in_the_example(settings: type) -> None:
    names = {name.upper() for name in settings.model_fields}  # type: ignore[attr-defined]
    assert names <= _documented().keys()


def test_every_variable_of_the_example_belongs_to_a_service() -> None:
    known = {name.upper() for cls in CLASSES for name in cls.model_fields}
    assert _documented().keys() <= known


@pytest.mark.parametrize("name", SECRETS)
def test_no_secret_has_a_value_in_the_example(name: str) -> None:
    assert _documented()[name] == ""


@pytest.mark.parametrize("settings", CLASSES, ids=lambda c: c.__module__)
def test_every_variable_has_its_sentence(settings: type) -> None:
    """A field's docstring stands right below it and says what zero or none means."""
    source = Path(ROOT, *_file(settings)).read_text("utf-8")
    own = settings.__annotations__
    for name in own:
        pattern = rf"^    {name}:.*(\n(?!    \w).*)*\n    \"\"\""
        assert re.search(pattern, source, re.MULTILINE), name


def _file(settings: type) -> tuple[str, ...]:
    package = settings.__module__.split(".")[0]
    folder = {"gateway": ("gateway",), "ws_hub": ("services", "ws-hub")}.get(
        package, ("services", package)
    )
    return (*folder, package, "settings.py")
