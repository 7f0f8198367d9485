"""The error table of API.md, case by case."""

import uuid
from typing import Any

import httpx
import pytest

from insien import Client, Sandbox
from tests.e2e.people import Person, somebody

MEMBERS = {"type", "title", "status", "detail", "code", "requestId", "error", "success"}


def check(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document, when it is the right one and complete."""
    assert answer.headers["Content-Type"].startswith("application/problem+json"), answer.text
    body: dict[str, Any] = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), body
    assert body.keys() >= MEMBERS
    assert (body["status"], body["success"], body["error"]) == (status, False, body["detail"])
    assert body["requestId"] == answer.headers["X-Request-Id"]
    return body


WRONG_CREATES: list[tuple[dict[str, Any], str]] = [
    ({"template": "no-such"}, "template"),
    ({"template": 5}, "template"),
    ({"timeoutSeconds": 0}, "timeoutSeconds"),
    ({"timeoutSeconds": "soon"}, "timeoutSeconds"),
    ({"timeoutSeconds": 10**9}, "timeoutSeconds"),
    ({"resources": {"cpus": 0}}, "resources.cpus"),
    ({"resources": {"memoryMb": 1}}, "resources.memoryMb"),
    ({"resources": {"diskMb": 10**9}}, "resources.diskMb"),
    ({"network": {"egress": "some"}}, "network.egress"),
    ({"metadata": {"a": 1}}, "metadata.a"),
    ({"surprise": 1}, "surprise"),
    ({"wait": "perhaps"}, "wait"),
]


@pytest.mark.parametrize(("body", "field"), WRONG_CREATES)
def test_a_wrong_field_of_create_is_named(
    api: httpx.Client, body: dict[str, Any], field: str
) -> None:
    problem = check(api.post("/sandbox/create", json=body), 400, "validation_failed")
    assert field in {error["field"] for error in problem["errors"]}


@pytest.mark.parametrize("name", ["env", "metadata"])
def test_too_much_env_or_metadata_is_named(api: httpx.Client, name: str) -> None:
    body = {name: {"A": "x" * 70_000}}
    problem = check(api.post("/sandbox/create", json=body), 400, "validation_failed")
    assert [error["field"].split(".")[0] for error in problem["errors"]] == [name]


WRONG_CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("exec", {}, "command"),
    ("exec", {"command": "true", "cmd": "true"}, "command"),
    ("exec", {"command": 1}, "command"),
    ("exec", {"cmd": "true", "args": "x"}, "args"),
    ("exec", {"command": "true", "timeoutMs": -1}, "timeoutMs"),
    ("exec", {"command": "true", "processId": "five"}, "processId"),
    ("exec", {"command": "true", "stdin": {"base64": "%"}}, "stdin"),
    ("expose", {}, "containerPort"),
    ("expose", {"containerPort": 0}, "containerPort"),
    ("expose", {"containerPort": 65_536}, "containerPort"),
    ("expose", {"containerPort": 80, "access": "some"}, "access"),
    ("extend", {}, "timeoutSeconds"),
    ("extend", {"timeoutSeconds": 10**9}, "timeoutSeconds"),
    ("token", {"ttlSeconds": 3601}, "ttlSeconds"),
    ("files/mkdir", {}, "path"),
    ("files/move", {"from": "a"}, "to"),
    ("files/chmod", {"path": "a", "mode": "rw"}, "mode"),
]


@pytest.mark.parametrize(("call", "body", "field"), WRONG_CALLS)
def test_a_wrong_field_of_a_call_is_named(
    api: httpx.Client, box: Sandbox, call: str, body: dict[str, Any], field: str
) -> None:
    problem = check(api.post(f"/sandbox/{box.id}/{call}", json=body), 400, "validation_failed")
    fields = {error["field"].split(".")[0] for error in problem["errors"]}
    assert field in fields


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/sandbox?limit=many", "limit"),
        ("/sandbox?limit=0", "limit"),
        ("/sandbox?status=asleep", "status"),
        ("/sandbox/{id}/files", "path"),
        ("/sandbox/{id}/files/list?path=/&depth=deep", "depth"),
        ("/sandbox/{id}/events?limit=-1", "limit"),
    ],
)
def test_a_wrong_parameter_is_named(api: httpx.Client, box: Sandbox, path: str, field: str) -> None:
    problem = check(api.get(path.replace("{id}", box.id)), 400, "validation_failed")
    assert field in {error["field"] for error in problem["errors"]}


@pytest.mark.parametrize("body", [b"{", b"[1", b'{"a":1}}', b"\xff", b'{"template":NaN}'])
def test_what_is_no_json_is_said_to_be_none(api: httpx.Client, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api.post("/sandbox/create", content=body, headers=headers)
    check(answer, 400, "invalid_json")


def test_a_body_of_another_type_is_415(api: httpx.Client) -> None:
    answer = api.post(
        "/sandbox/create", content=b"<a/>", headers={"Content-Type": "application/xml"}
    )
    check(answer, 415, "unsupported_media_type")


def test_a_body_over_a_mebibyte_is_413(api: httpx.Client) -> None:
    answer = api.post("/sandbox/create", json={"metadata": {"a": "x" * (1 << 20)}})
    check(answer, 413, "body_too_large")


def test_headers_over_the_limit_are_431(api: httpx.Client) -> None:
    answer = api.get("/sandbox", headers={"X-Much": "x" * 100_000})
    assert answer.status_code == 431


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/sandbox/create", "POST"),
        ("POST", "/sandbox/{id}/status", "GET"),
        ("PATCH", "/sandbox/{id}/files", "GET"),
        ("DELETE", "/api/templates", "GET"),
    ],
)
def test_a_wrong_method_is_405_and_tells_the_right_ones(
    api: httpx.Client, box: Sandbox, method: str, path: str, allowed: str
) -> None:
    answer = api.request(method, path.replace("{id}", box.id))
    check(answer, 405, "method_not_allowed")
    assert allowed in [word.strip() for word in answer.headers["Allow"].split(",")]


@pytest.mark.parametrize("path", ["/", "/nothing", "/sandbox/", "/api", "/sandbox//status"])
def test_an_unknown_path_is_404(api: httpx.Client, path: str) -> None:
    check(api.get(path), 404, "not_found")


@pytest.mark.parametrize("sandbox_id", [str(uuid.uuid4()), "five", "0" * 32])
def test_an_unknown_sandbox_is_404(api: httpx.Client, sandbox_id: str) -> None:
    check(api.get(f"/sandbox/{sandbox_id}/status"), 404, "sandbox_not_found")


def test_what_is_not_in_a_sandbox_is_404(api: httpx.Client, box: Sandbox) -> None:
    path = f"/sandbox/{box.id}"
    check(api.get(f"{path}/processes/{uuid.uuid4()}"), 404, "process_not_found")
    check(api.get(f"{path}/files", params={"path": "/no/file"}), 404, "file_not_found")
    check(api.get(f"{path}/proxy/4321/"), 404, "port_not_exposed")


def test_conflicts_are_409(api: httpx.Client, box: Sandbox) -> None:
    box.files.write("conflict/file", "x")
    files = f"/sandbox/{box.id}/files"
    remove = api.delete(files, params={"path": "conflict"})
    check(remove, 409, "directory_not_empty")
    check(api.get(files, params={"path": "conflict"}), 409, "is_a_directory")
    listing = api.get(f"{files}/list", params={"path": "conflict/file"})
    check(listing, 409, "not_a_directory")
    box.files.write("conflict/other", "y")
    copy = api.post(f"{files}/copy", json={"from": "conflict/file", "to": "conflict/other"})
    check(copy, 409, "already_exists")
    process = {"command": "true", "processId": str(uuid.uuid4())}
    run = f"/sandbox/{box.id}/exec"
    assert api.post(run, json=process).status_code == 200
    check(api.post(run, json=process | {"command": "false"}), 409, "already_exists")


def test_an_ended_sandbox_is_410(api: httpx.Client, client: Client) -> None:
    sandbox = client.create("minimal")
    sandbox.destroy()
    path = f"/sandbox/{sandbox.id}"
    check(api.post(f"{path}/exec", json={"command": "true"}), 410, "sandbox_destroyed")
    check(api.post(f"{path}/extend", json={"timeoutSeconds": 60}), 410, "sandbox_destroyed")
    check(api.get(f"{path}/files", params={"path": "/etc"}), 410, "sandbox_destroyed")
    assert api.get(f"{path}/status").json()["status"] == "destroyed"


def test_a_paused_sandbox_runs_nothing(api: httpx.Client, client: Client) -> None:
    with client.create("minimal") as sandbox:
        assert sandbox.pause().status == sandbox.pause().status == "paused"
        answer = api.post(f"/sandbox/{sandbox.id}/exec", json={"command": "true"})
        check(answer, 409, "wrong_state")
        assert sandbox.resume().status == "running"
        assert sandbox.run("echo back").stdout == "back\n"


def test_nothing_listens_is_502(api: httpx.Client, box: Sandbox) -> None:
    box.expose(4322)
    check(api.get(f"/sandbox/{box.id}/proxy/4322/"), 502, "port_not_listening")
    box.close_port(4322)


def test_more_than_the_quota_is_429(person: Person, api: httpx.Client) -> None:
    """By a user of its own: counted are all that a user has."""
    one = somebody(person.stack)
    with one.client() as client, one.api() as mine:
        allowed = mine.get("/api/limits").json()["sandboxes"]["user"]["limit"]
        for _ in range(allowed):
            client.create("minimal", wait=False)
        answer = mine.post("/sandbox/create", json={"template": "minimal"})
        check(answer, 429, "quota_exceeded")
        assert int(answer.headers["Retry-After"]) > 0


def test_request_ids_are_the_callers_when_they_are_good(api: httpx.Client) -> None:
    good = "my-request.0001"
    assert api.get("/sandbox", headers={"X-Request-Id": good}).headers["X-Request-Id"] == good
    for bad in ("short", "x" * 129, "with space!", "semi;colon"):
        given = api.get("/sandbox", headers={"X-Request-Id": bad}).headers["X-Request-Id"]
        assert given != bad
        assert len(given) >= 8
