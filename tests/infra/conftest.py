"""What the infra tests share: a real engine, made to answer if it does not yet."""

import pytest

from infra.engine import Docker, ensure
from infra.images import ensure_templates


def _silent(_text: str) -> None:
    return None


@pytest.fixture(scope="session")
def docker() -> Docker:
    return ensure(_silent)


@pytest.fixture(scope="session")
def images(docker: Docker) -> dict[str, str]:
    """The tags of the template images, by template."""
    return ensure_templates(docker, ["default", "minimal"], _silent)
