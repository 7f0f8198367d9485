"""The routes beside create: who may, in which state, and what is answered."""

import asyncio
import hashlib
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from kit.caller import SandboxTokens
from kit.problems import HTTP_STATUS
from sandbox.routes import endpoints
from sandbox.runtime.memory import MemoryRuntime
from tests.sandbox.fake_hub import FakeHub
from tests.sandbox.running_service import SECRET, Api, Running, eventually, person
from wire.sandbox.v1 import sandbox_pb2

OPERATIONS = [
    ("POST", "extend", {"timeoutSeconds": 60}),
    ("POST", "pause", None),
    ("POST", "resume", None),
    ("POST", "expose", {"containerPort": 80}),
    ("DELETE", "expose/80", None),
    ("GET", "ports", None),
    ("GET", "metrics", None),
    ("POST", "token", None),
]
ALWAYS = [("GET", "status", None), ("GET", "events", None), ("POST", "destroy", None)]


@pytest.mark.parametrize(("method", "act", "body"), [*OPERATIONS, *ALWAYS])
async def test_what_is_not_ones_own_does_not_exist(
    anyone: Api, method: str, act: str, body: object
) -> None:
    theirs = await anyone.as_(person()).created()
    for sandbox_id in (theirs, str(uuid4()), "no-uuid", theirs.upper().replace("-", "")):
        answer = await anyone(method, f"/sandbox/{sandbox_id}/{act}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "sandbox_not_found")
    assert (await anyone("DELETE", f"/sandbox/{theirs}")).status_code == 404
    listed = await anyone("GET", "/sandbox")
    assert listed.json()["sandboxes"] == []


@pytest.mark.parametrize(
    ("method", "act"),
    [("POST", "extend"), ("POST", "expose"), ("POST", "token"), ("GET", "events?limit=no")],
)
async def test_that_it_does_not_exist_goes_before_what_is_wrong_with_the_request(
    anyone: Api, method: str, act: str
) -> None:
    theirs = await anyone.as_(person()).created()
    for sandbox_id, status in ((theirs, 404), (str(uuid4()), 404), (await anyone.created(), 400)):
        answer = await anyone(method, f"/sandbox/{sandbox_id}/{act}", json={"no": "field"})
        assert answer.status_code == status


async def test_an_ended_sandbox_is_gone_to_all_but_looks(anyone: Api) -> None:
    sandbox_id = await anyone.created()
    for _ in range(2):
        answer = await anyone("POST", f"/sandbox/{sandbox_id}/destroy")
        assert answer.status_code == 200
        assert answer.json() == {"success": True, "sandboxId": sandbox_id}
    for method, act, body in OPERATIONS:
        answer = await anyone(method, f"/sandbox/{sandbox_id}/{act}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (410, "sandbox_destroyed"), act
    status = await anyone.status(sandbox_id)
    assert status["status"] == "destroyed"
    assert status["connected"] is False
    assert status["container"] is None
    assert status["reason"] == "requested"
    assert status["destroyedAt"]
    assert (await anyone("GET", f"/sandbox/{sandbox_id}/events")).status_code == 200


async def test_a_failed_sandbox_is_in_the_wrong_state_and_can_be_destroyed(
    api: Api, runtime: MemoryRuntime
) -> None:
    sandbox_id = await api.created()
    runtime.lose(next(iter(runtime.containers)))
    assert (await api.reaches(sandbox_id, "failed"))["reason"] == "container_lost"
    for method, act, body in OPERATIONS:
        answer = await api(method, f"/sandbox/{sandbox_id}/{act}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state"), act
    assert (await api("DELETE", f"/sandbox/{sandbox_id}")).status_code == 200
    status = await api.status(sandbox_id)
    assert (status["status"], status["reason"]) == ("destroyed", "container_lost")


async def test_scopes_are_asked_for(anyone: Api) -> None:
    sandbox_id = await anyone.created()
    reader = anyone.as_(person(scopes=frozenset({"sandbox:read"})))
    writer = anyone.as_(person(scopes=frozenset({"sandbox:write"})))
    for endpoint in endpoints():
        path = endpoint.path.replace("{id}", sandbox_id).replace("{port}", "80")
        other = reader if endpoint.method != "GET" else writer
        answer = await other(endpoint.method, path, json=None if endpoint.method == "GET" else {})
        assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing"), path


async def test_nobody_is_let_in_without_the_gateways_word(running: Running) -> None:
    answer = await running.api.client.get("/sandbox")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_every_code_of_the_routes_is_in_the_table() -> None:
    for endpoint in endpoints():
        assert set(endpoint.errors) <= set(HTTP_STATUS)


async def test_the_list_is_ones_own_newest_first_in_pages(anyone: Api) -> None:
    made = [await anyone.created(metadata={"n": str(n), "all": "x"}) for n in range(5)]
    await anyone("DELETE", f"/sandbox/{made[0]}")
    pages, cursor = [], None
    while True:
        query = {"limit": "2", **({"cursor": cursor} if cursor else {})}
        body = (await anyone("GET", "/sandbox", params=query)).json()
        pages.append([one["sandboxId"] for one in body["sandboxes"]])
        cursor = body["nextCursor"]
        if cursor is None:
            break
    assert pages == [made[4:2:-1], made[2:0:-1], made[:1]]
    running = (await anyone("GET", "/sandbox", params={"status": "running"})).json()["sandboxes"]
    assert len(running) == 4
    query = {"metadata.n": "3", "metadata.all": "x", "status": ""}
    found = (await anyone("GET", "/sandbox", params=query)).json()["sandboxes"]
    assert [one["sandboxId"] for one in found] == [made[3]]
    assert found[0]["metadata"] == {"n": "3", "all": "x"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "happy"}, "status"),
        ({"limit": "0"}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "MjAyNi0wMS0wMXxub25l"}, "cursor"),
        ({"cursor": "\u20ac"}, "cursor"),
        ({"colour": "red"}, "colour"),
        ({"metadata.": "x"}, "metadata."),
        ({"metadata.a": "x\x00"}, "metadata.a"),
    ],
)
async def test_a_wrong_query_is_named(anyone: Api, query: dict[str, str], field: str) -> None:
    answer = await anyone("GET", "/sandbox", params=query)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["field"] == field


async def test_a_wrong_cursor_of_events_is_named(anyone: Api) -> None:
    sandbox_id = await anyone.created()
    for cursor in ("x", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5"):
        answer = await anyone("GET", f"/sandbox/{sandbox_id}/events", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "cursor")


async def test_extending_sets_the_end_sooner_or_later(anyone: Api) -> None:
    sandbox_id = await anyone.created(timeoutSeconds=600)
    for seconds in (3600, 5):
        answer = await anyone(
            "POST", f"/sandbox/{sandbox_id}/extend", json={"timeoutSeconds": seconds}
        )
        assert answer.status_code == 200
        left = datetime.fromisoformat(answer.json()["expiresAt"]) - datetime.now(UTC)
        assert seconds - 5 < left.total_seconds() <= seconds + 1
    answer = await anyone("POST", f"/sandbox/{sandbox_id}/extend", json={"timeoutSeconds": 86401})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "timeoutSeconds")


async def test_pausing_and_resuming_twice_is_once(api: Api, runtime: MemoryRuntime) -> None:
    sandbox_id = await api.created()
    for act, state in (("pause", "paused"), ("resume", "running")):
        for _ in range(2):
            answer = await api("POST", f"/sandbox/{sandbox_id}/{act}")
            assert answer.json()["status"] == state
            assert answer.json()["container"]["status"] == state
    events = (await api("GET", f"/sandbox/{sandbox_id}/events")).json()["events"]
    assert [event["type"] for event in events] == ["resumed", "paused", "started", "created"]


async def test_a_pause_that_the_runtime_missed_is_made_up_for(
    api: Api, runtime: MemoryRuntime
) -> None:
    sandbox_id = await api.created()
    for act, state in (("pause", "paused"), ("resume", "running")):
        runtime.fail(act)
        assert (await api("POST", f"/sandbox/{sandbox_id}/{act}")).status_code == 503

        async def agrees(state: str = state) -> bool:
            (container,) = runtime.containers.values()
            return container.state.status == state

        await eventually(agrees)
        assert (await api.status(sandbox_id))["status"] == state


async def test_a_race_of_pauses_and_resumes_ends_in_agreement(
    api: Api, runtime: MemoryRuntime
) -> None:
    sandbox_id = await api.created()
    acts = ["pause", "resume"] * 6
    answers = await asyncio.gather(*(api("POST", f"/sandbox/{sandbox_id}/{act}") for act in acts))
    assert {answer.status_code for answer in answers} <= {200, 409}

    async def agree() -> bool:
        (container,) = runtime.containers.values()
        found = await api.status(sandbox_id)
        return bool(found["status"] == container.state.status)

    await eventually(agree)


async def test_exposing_again_is_the_same_answer(anyone: Api) -> None:
    sandbox_id = await anyone.created()
    path = f"/sandbox/{sandbox_id}/expose"
    public = await anyone("POST", path, json={"containerPort": 8000})
    assert public.json() == {
        "success": True,
        "sandboxId": sandbox_id,
        "containerPort": 8000,
        "access": "public",
        "url": f"http://8000-{sandbox_id}.localhost:3000",
    }
    assert (await anyone("POST", path, json={"containerPort": 8000})).json() == public.json()
    wanted = {"containerPort": 8000, "access": "private"}
    private = await anyone("POST", path, json=wanted)
    assert len(private.json()["token"]) >= 40
    assert (await anyone("POST", path, json=wanted)).json() == private.json()
    (listed,) = (await anyone("GET", f"/sandbox/{sandbox_id}/ports")).json()["ports"]
    assert (listed["containerPort"], listed["access"]) == (8000, "private")
    assert (await anyone.status(sandbox_id))["ports"] == [listed]
    assert (await anyone("DELETE", f"{path}/8000")).status_code == 200
    closed = await anyone("DELETE", f"{path}/8000")
    assert (closed.status_code, closed.json()["code"]) == (404, "port_not_exposed")
    reopened = await anyone("POST", path, json=wanted)
    assert reopened.json()["token"] != private.json()["token"]


@pytest.mark.parametrize("port", ["0", "65536", "x", "-1", "99999999999999999999", "\u0661"])
async def test_a_port_that_is_none_is_not_found(anyone: Api, port: str) -> None:
    sandbox_id = await anyone.created()
    answer = await anyone("DELETE", f"/sandbox/{sandbox_id}/expose/{port}")
    assert answer.status_code == 404


@pytest.mark.parametrize("port", [0, 65536, "80", 80.5, True, None])
async def test_a_wrong_port_in_a_body_is_named(anyone: Api, port: object) -> None:
    sandbox_id = await anyone.created()
    answer = await anyone("POST", f"/sandbox/{sandbox_id}/expose", json={"containerPort": port})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "containerPort")


async def test_a_token_opens_one_sandbox_and_one_port(anyone: Api) -> None:
    sandbox_id = await anyone.created()
    tokens = SandboxTokens(SECRET)
    answer = await anyone("POST", f"/sandbox/{sandbox_id}/token")
    caller, entry = tokens.verify(answer.json()["token"])
    assert (caller.kind, caller.user_id) == ("token", anyone.caller.user_id)
    assert (caller.sandbox_id, caller.port, entry) == (sandbox_id, 0, "")
    assert caller.key_id == anyone.caller.key_id
    assert "entryUrl" not in answer.json()
    wanted = {"ttlSeconds": 60, "containerPort": 8000}
    refused = await anyone("POST", f"/sandbox/{sandbox_id}/token", json=wanted)
    assert (refused.status_code, refused.json()["code"]) == (404, "port_not_exposed")
    await anyone("POST", f"/sandbox/{sandbox_id}/expose", json={"containerPort": 8000})
    answer = await anyone("POST", f"/sandbox/{sandbox_id}/token", json=wanted)
    url, _, code = answer.json()["entryUrl"].partition("?code=")
    assert url == f"http://8000-{sandbox_id}.localhost:3000/.insien/enter"
    caller, entry = tokens.verify(code)
    assert caller.port == 8000
    assert entry
    too_long = await anyone("POST", f"/sandbox/{sandbox_id}/token", json={"ttlSeconds": 3601})
    assert too_long.status_code == 400


async def test_metrics_need_a_container(api: Api, runtime: MemoryRuntime) -> None:
    sandbox_id = await api.created()
    body = (await api("GET", f"/sandbox/{sandbox_id}/metrics")).json()
    assert body["memoryLimitBytes"] == 128 * 1024 * 1024
    runtime.fail("usage")
    assert (await api("GET", f"/sandbox/{sandbox_id}/metrics")).status_code == 503


async def test_a_status_is_answered_when_runtime_and_hub_are_not(
    api: Api, runtime: MemoryRuntime, hub: FakeHub
) -> None:
    sandbox_id = await api.created()
    assert (await api.status(sandbox_id))["connected"] is True
    hub.lost.add(sandbox_id)
    runtime.fail("inspect")
    status = await api.status(sandbox_id)
    assert (status["status"], status["connected"]) == ("running", False)


async def test_the_log_says_when_what_why_and_who(anyone: Api) -> None:
    sandbox_id = await anyone.created()
    await anyone("POST", f"/sandbox/{sandbox_id}/expose", json={"containerPort": 80})
    await anyone("DELETE", f"/sandbox/{sandbox_id}")
    path = f"/sandbox/{sandbox_id}/events"
    first = (await anyone("GET", path, params={"limit": "2"})).json()
    query = {"limit": "50", "cursor": first["nextCursor"]}
    rest = (await anyone("GET", path, params=query)).json()
    assert rest["nextCursor"] is None
    events = [*first["events"], *rest["events"]]
    assert [(event["type"], event["actor"]) for event in events] == [
        ("destroyed", "key:isk_aaaaaaaa"),
        ("destroying", "key:isk_aaaaaaaa"),
        ("exposed", "key:isk_aaaaaaaa"),
        ("started", "system"),
        ("created", "key:isk_aaaaaaaa"),
    ]
    assert events[2]["data"] == {"containerPort": 80, "access": "public"}


async def test_limits_say_what_is_used(anyone: Api) -> None:
    await anyone.created()
    body = (await anyone("GET", "/api/limits")).json()
    assert body["sandboxes"] == {
        "user": {"limit": 20, "used": 1},
        "key": {"limit": None, "used": 1},
    }
    assert body["requests"] == {"perMinute": 600, "createsPerMinute": 30}
    session = (await anyone.as_(person("session"))("GET", "/api/limits")).json()
    assert session["sandboxes"] == {"user": {"limit": 20, "used": 0}, "key": None}


async def test_templates_are_told(anyone: Api) -> None:
    body = (await anyone.as_(person("session"))("GET", "/api/templates")).json()
    assert body["templates"] == [
        {
            "name": "default",
            "description": "For tests",
            "image": "insien/default:1",
            "resources": {"cpus": 1.0, "memoryMb": 128, "diskMb": 64},
            "languages": ["sh"],
        }
    ]


async def test_the_digest_for_the_gateway_is_of_the_token_for_the_owner(running: Running) -> None:
    api = running.api
    sandbox_id = await api.created()
    exposed = await api(
        "POST", f"/sandbox/{sandbox_id}/expose", json={"containerPort": 80, "access": "private"}
    )
    request = sandbox_pb2.GetRequest(sandbox_id=sandbox_id)
    found = await running.rpc.call(running.grpc.Get, request, seconds=5)
    (port,) = found.ports
    expected = hashlib.sha256(exposed.json()["token"].encode()).hexdigest()
    assert (port.container_port, port.access, port.token_sha256) == (80, "private", expected)
