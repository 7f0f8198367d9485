"""Other people's sandboxes do not exist."""

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from insien import Client, NotFound, Sandbox
from tests.e2e.people import Person, raw
from tests.e2e.routes import all_routes, described_routes, expected_routes, nowhere
from tests.e2e.stack import Stack


def test_the_description_has_every_route(api: httpx.Client) -> None:
    assert expected_routes() - described_routes(api) == set()


@pytest.mark.parametrize("kind", ["key", "session"])
def test_every_route_of_a_sandbox_is_404_for_a_stranger(
    box: Sandbox, stranger: Person, api: httpx.Client, kind: str
) -> None:
    process = box.start("sleep 600")
    own = {"X-API-Key": stranger.key()["key"]} if kind == "key" else {}
    answers = {}
    with stranger.api(**own) as theirs:
        for route in all_routes(api):
            answer = route.send(theirs, box.id, process.id)
            answers[route] = (answer.status_code, answer.json()["code"])
    wrong = {r: a for r, a in answers.items() if a != (404, "sandbox_not_found")}
    assert wrong == {}
    assert len(answers) >= len(expected_routes())
    assert box.run("ls /tmp/broken-in").exit_code != 0
    assert process.info().running
    assert box.status().status == "running"
    assert box.ports() == ()
    process.kill()


def test_a_stranger_gets_the_answer_of_what_never_was(
    box: Sandbox, stranger: Person, api: httpx.Client
) -> None:
    """No word of difference: an id that is someone's must not be told from one that is not."""
    with stranger.api() as theirs:
        for route in all_routes(api):
            one = route.send(theirs, box.id, nowhere()).json()
            other = route.send(theirs, nowhere(), nowhere()).json()
            assert _without_ids(one) == _without_ids(other), route


def _without_ids(problem: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in problem.items() if name != "requestId"}


def test_strangers_do_not_meet_in_lists(box: Sandbox, client: Client, stranger: Person) -> None:
    with stranger.client() as theirs:
        other = theirs.create("minimal", metadata={"whose": "theirs"})
        assert {one.id for one in theirs.list()} == {other.id}
        assert box.id in {one.id for one in client.list()}
        assert other.id not in {one.id for one in client.list()}
        with pytest.raises(NotFound):
            client.get(other.id)


def test_the_client_socket_is_404_for_a_stranger(
    box: Sandbox, stack: Stack, stranger: Person
) -> None:
    headers = {"X-API-Key": stranger.key()["key"]}
    with (
        pytest.raises(InvalidStatus) as refused,
        connect(f"{stack.ws_url}/client/{box.id}", additional_headers=headers, proxy=None),
    ):
        pass
    assert refused.value.response.status_code == 404


def test_keys_of_others_do_not_exist(person: Person, stranger: Person) -> None:
    key = person.key()
    with stranger.api() as theirs, person.api() as mine:
        assert theirs.delete(f"/api/keys/{key['id']}").status_code == 404
        rotated = theirs.post(f"/api/keys/{key['id']}/rotate", json={})
        assert rotated.status_code == 404
        assert key["id"] not in {one["id"] for one in theirs.get("/api/keys").json()["apiKeys"]}
        (same,) = (k for k in mine.get("/api/keys").json()["apiKeys"] if k["id"] == key["id"])
    assert same["revokedAt"] is None


def test_a_token_of_one_sandbox_opens_no_other(box: Sandbox, client: Client, stack: Stack) -> None:
    private = httpx.URL(box.expose(8765, "private").url)
    with client.create("minimal") as other:
        token = other.token().token
        with raw(stack, {"Authorization": f"Bearer {token}"}) as api:
            assert api.get(f"/sandbox/{other.id}/status").status_code == 401
        headers = {"Host": private.netloc.decode(), "X-Insien-Token": token}
        with raw(stack, headers) as web:
            assert web.get("/").status_code == 404
        with (
            pytest.raises(InvalidStatus) as refused,
            connect(
                f"{stack.ws_url}/client/{box.id}",
                subprotocols=[Subprotocol("insien.v1"), Subprotocol(f"insien.token.{token}")],
                proxy=None,
            ),
        ):
            pass
        assert refused.value.response.status_code == 404
    box.close_port(8765)
