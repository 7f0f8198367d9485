"""A small API of our own that answers as API.md says, on a folder of this machine."""

import asyncio
import base64
import io
import shutil
import tarfile
import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.sdk.fake_processes import FakeProcess, spawn

KEY = "isk_fake"
NOW = "2030-01-02T03:04:05Z"
MISSING = str(uuid.UUID(int=0))


def problem(status: int, code: str, **more: Any) -> JSONResponse:
    """A problem document; `retry_after` becomes the header."""
    headers = {"Retry-After": str(more.pop("retry_after"))} if "retry_after" in more else {}
    body = {"status": status, "code": code, "detail": f"It is {code}.", "requestId": "req-12345"}
    return JSONResponse(body | more, status, headers=headers, media_type="application/problem+json")


class FakeApi:
    """`faults` are given, one to each request, before anything else is answered."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.faults: deque[Callable[[], Response]] = deque()
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[dict[str, Any]] = []
        self.created: dict[str, str] = {}
        self.sandboxes: dict[str, dict[str, Any]] = {}
        self.ports: dict[int, dict[str, Any]] = {}
        self.processes: dict[str, FakeProcess] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    def app(self) -> Starlette:
        box = "/sandbox/{id}"
        one = box + "/processes/{pid}"
        routes = [
            ("POST", "/sandbox/create", self.create),
            ("GET", "/sandbox", self.listing),
            ("GET", "/api/templates", self.templates),
            ("GET", "/api/limits", self.limits),
            ("GET", box + "/events", self.events),
            ("GET", box + "/metrics", self.metrics),
            ("GET", box + "/ports", self.list_ports),
            ("POST", box + "/expose", self.expose),
            ("DELETE", box + "/expose/{port:int}", self.close_port),
            ("POST", box + "/token", self.token),
            ("POST", box + "/exec", self.exec),
            ("GET", box + "/processes", self.list_processes),
            ("GET", one, self.one_process),
            ("DELETE", one, self.signal),
            ("GET", one + "/output", self.output),
            ("POST", one + "/stdin", self.stdin),
            ("POST", one + "/signal", self.signal),
            ("GET", box + "/files", self.read),
            ("PUT", box + "/files", self.write),
            ("DELETE", box + "/files", self.remove),
            ("GET", box + "/files/archive", self.archive),
            ("PUT", box + "/files/archive", self.unpack),
            ("GET", box + "/files/{verb}", self.look),
            ("POST", box + "/files/{verb}", self.change),
            ("GET", box + "/status", self.status),
            ("POST", box + "/{verb}", self.live),
        ]
        return Starlette(
            routes=[
                Route(path, self._guarded(handler), methods=[method])
                for method, path, handler in routes
            ]
        )

    def _guarded(self, handler: Any) -> Any:
        async def guarded(request: Request) -> Response:
            self.requests.append((request.method, request.url.path))
            if self.faults:
                await request.body()
                return self.faults.popleft()()
            if request.headers.get("X-API-Key") != KEY:
                return problem(401, "unauthenticated")
            sandbox_id = request.path_params.get("id")
            if sandbox_id is not None and sandbox_id not in self.sandboxes:
                return problem(404, "sandbox_not_found")
            answer: Response = await handler(request)
            return answer

        return guarded

    async def create(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        if body.get("template") == "wrong":
            errors = [{"field": "template", "message": "no such template"}, "nonsense"]
            return problem(400, "validation_failed", errors=errors)
        key = request.headers["Idempotency-Key"]
        sandbox_id = self.created.setdefault(key, str(uuid.uuid4()))
        self.sandboxes[sandbox_id] = {
            "sandboxId": sandbox_id,
            "status": "running" if body.get("wait", True) else "pending",
            "connected": True,
            "template": body.get("template", "default"),
            "createdAt": NOW,
            "expiresAt": NOW,
            "metadata": body.get("metadata", {}),
            "container": {"running": True, "status": "running", "exitCode": None},
            "newField": 1,
        }
        return JSONResponse(self.sandboxes[sandbox_id], 201)

    async def listing(self, request: Request) -> Response:
        """One item a page: clients must turn pages."""
        wanted = request.query_params.get("status")
        label = request.query_params.get("metadata.label")
        found = [
            item
            for item in self.sandboxes.values()
            if wanted in (None, item["status"]) and label in (None, item["metadata"].get("label"))
        ]
        return _page("sandboxes", found, request)

    async def events(self, request: Request) -> Response:
        events = [{"at": NOW, "type": name, "cause": "user"} for name in ("created", "started")]
        return _page("events", events, request)

    async def templates(self, _: Request) -> Response:
        one = {"name": "default", "description": "All", "image": "i", "languages": ["python"]}
        return JSONResponse({"templates": [one]})

    async def limits(self, _: Request) -> Response:
        return JSONResponse({"success": True, "sandboxes": {"limit": 20, "used": 1}})

    async def metrics(self, _: Request) -> Response:
        numbers = ["memoryBytes", "memoryLimitBytes", "processes", "diskBytes"]
        numbers += ["networkRxBytes", "networkTxBytes"]
        return JSONResponse(dict.fromkeys(numbers, 7) | {"at": NOW, "cpuPercent": 1.5})

    async def status(self, request: Request) -> Response:
        body = self.sandboxes[request.path_params["id"]]
        return JSONResponse(body | {"ports": list(self.ports.values())})

    async def live(self, request: Request) -> Response:
        sandbox = self.sandboxes[request.path_params["id"]]
        verb = request.path_params["verb"]
        states = {"pause": "paused", "resume": "running", "destroy": "destroyed"}
        sandbox["status"] = states.get(verb, sandbox["status"])
        if verb == "extend":
            seconds = (await request.json())["timeoutSeconds"]
            sandbox["expiresAt"] = f"2030-01-02T03:04:{seconds:02}Z"
        if verb == "destroy":
            sandbox["reason"] = "user"
        return JSONResponse(sandbox)

    async def expose(self, request: Request) -> Response:
        body = await request.json()
        number = body["containerPort"]
        port = body | {"url": f"http://{number}-x.localhost"}
        self.ports[number] = port
        token = {"token": "secret"} if body["access"] == "private" else {}
        return JSONResponse(port | token)

    async def close_port(self, request: Request) -> Response:
        del self.ports[request.path_params["port"]]
        return JSONResponse({"success": True})

    async def list_ports(self, _: Request) -> Response:
        return JSONResponse({"ports": list(self.ports.values())})

    async def token(self, request: Request) -> Response:
        body = await request.json()
        entry = f"http://{body['containerPort']}-x" if "containerPort" in body else None
        return JSONResponse({"token": "t", "expiresAt": NOW, "entryUrl": entry})

    async def exec(self, request: Request) -> Response:
        body = await request.json()
        self.bodies.append(body)
        process = self.processes.get(body["processId"])
        if process is None:
            process = await self._spawn(body)
        if request.headers["Accept"] == "text/event-stream":
            return StreamingResponse(process.events(0), media_type="text/event-stream")
        if not body.get("background"):
            async with process.changed:
                await process.changed.wait_for(lambda: process.ended)
        answer = process.described() | process.output("stdout") | process.output("stderr")
        return JSONResponse(answer)

    async def _spawn(self, body: dict[str, Any]) -> FakeProcess:
        stdin = body.get("stdin")
        raw = base64.b64decode(stdin["base64"]) if isinstance(stdin, dict) else stdin
        process = await spawn(body, self.folder)
        self.processes[body["processId"]] = process
        given = raw.encode() if isinstance(raw, str) else raw
        task = asyncio.create_task(process.run(given))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return process

    async def list_processes(self, _: Request) -> Response:
        return JSONResponse({"processes": [one.described() for one in self.processes.values()]})

    async def one_process(self, request: Request) -> Response:
        return JSONResponse({"process": self.processes[request.path_params["pid"]].described()})

    async def output(self, request: Request) -> Response:
        process = self.processes[request.path_params["pid"]]
        offset = int(request.query_params["offset"])
        if request.headers["Accept"] == "text/event-stream":
            return StreamingResponse(process.events(offset), media_type="text/event-stream")
        answer = {"chunks": process.since(offset), "nextOffset": process.size, "dropped": 0}
        return JSONResponse(answer | process.described())

    async def stdin(self, request: Request) -> Response:
        pipe = self.processes[request.path_params["pid"]].child.stdin
        assert pipe
        pipe.write(await request.body())
        if request.query_params.get("close") == "true":
            pipe.close()
        return JSONResponse({"success": True})

    async def signal(self, request: Request) -> Response:
        number = 9 if request.method == "DELETE" else 15
        self.processes[request.path_params["pid"]].send(number)
        return JSONResponse({"success": True})

    def _path(self, name: str) -> Path:
        return self.folder / name.lstrip("/")

    async def read(self, request: Request) -> Response:
        path = self._path(request.query_params["path"])
        return FileResponse(path) if path.is_file() else problem(404, "file_not_found")

    async def write(self, request: Request) -> Response:
        path = self._path(request.query_params["path"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(await request.body())
        path.chmod(int(request.query_params.get("mode", "0644"), 8))
        return JSONResponse({"success": True})

    async def remove(self, request: Request) -> Response:
        path = self._path(request.query_params["path"])
        if path.is_dir():
            if request.query_params.get("recursive") != "true":
                return problem(409, "directory_not_empty")
            shutil.rmtree(path)
        else:
            path.unlink()
        return JSONResponse({"success": True})

    async def look(self, request: Request) -> Response:
        path = self._path(request.query_params["path"])
        if request.path_params["verb"] == "stat":
            return JSONResponse({"file": _described(path)})
        entries = [_described(entry) for entry in sorted(path.iterdir())]
        return JSONResponse({"path": str(path), "entries": entries, "truncated": False})

    async def change(self, request: Request) -> Response:
        body, verb = await request.json(), request.path_params["verb"]
        if verb == "mkdir":
            self._path(body["path"]).mkdir(parents=body["parents"])
        elif verb == "chmod":
            self._path(body["path"]).chmod(int(body["mode"], 8))
        elif self._path(body["to"]).exists() and not body["overwrite"]:
            return problem(409, "already_exists")
        else:
            act = shutil.move if verb == "move" else shutil.copy
            act(self._path(body["from"]), self._path(body["to"]))
        return JSONResponse({"success": True})

    async def archive(self, request: Request) -> Response:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
            tar.add(self._path(request.query_params["path"]), arcname=".")
        return Response(buffer.getvalue(), media_type="application/gzip")

    async def unpack(self, request: Request) -> Response:
        with tarfile.open(fileobj=io.BytesIO(await request.body())) as tar:
            tar.extractall(self._path(request.query_params["path"]), filter="data")
        return JSONResponse({"success": True})


def _described(path: Path) -> dict[str, Any]:
    kind = "directory" if path.is_dir() else "file"
    stat = path.stat()
    return {
        "name": path.name,
        "path": str(path),
        "type": kind,
        "size": stat.st_size,
        "mode": f"{stat.st_mode & 0o7777:04o}",
        "modifiedAt": NOW,
    }


def _page(name: str, items: list[Any], request: Request) -> Response:
    start = int(request.query_params.get("cursor", "0"))
    following = str(start + 1) if start + 1 < len(items) else None
    return JSONResponse({name: items[start : start + 1], "nextCursor": following})
