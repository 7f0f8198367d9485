"""One stack for all; one user with a sandbox for the tests that leave it as it was."""

from collections.abc import Iterator

import httpx
import pytest

from insien import Client, Sandbox
from tests.e2e.people import Person, raw, somebody
from tests.e2e.stack import Stack, running_stack
from tests.support.folders import open_folder


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with open_folder("stack") as folder, running_stack(folder) as stack:
        yield stack


@pytest.fixture(scope="module")
def person(stack: Stack) -> Person:
    return somebody(stack)


@pytest.fixture(scope="module")
def client(person: Person) -> Iterator[Client]:
    with person.client() as client:
        yield client


@pytest.fixture(scope="module")
def key(person: Person) -> str:
    made: str = person.key()["key"]
    return made


@pytest.fixture(scope="module")
def api(stack: Stack, key: str) -> Iterator[httpx.Client]:
    """Raw HTTP with that person's key."""
    with raw(stack, {"X-API-Key": key}) as api:
        yield api


@pytest.fixture(scope="module")
def box(client: Client) -> Iterator[Sandbox]:
    """A sandbox of that person, shared by a module's tests."""
    with client.create(timeout_seconds=1800) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def stranger(stack: Stack) -> Person:
    return somebody(stack)
