"""What the commands print: the end of `up`, and the table of `status`."""

from infra.stack import control
from infra.stack.health import probe
from infra.stack.identity import is_alive
from infra.stack.layout import Layout
from infra.stack.observed import ObservedProcess, read_state
from infra.stack.plan import PARTS, ProcessSpec
from infra.stack.up import Result

HEADINGS = ("part", "replica", "pid", "up since", "restarts", "health")


def welcome(result: Result) -> str:
    """URLs, the key, three commands."""
    site = result.site
    settings = site.settings
    env_file = settings.layout.dev_env
    if env_file.is_relative_to(control.ROOT):
        env_file = env_file.relative_to(control.ROOT)
    key = result.key or "none: sign in with the Clerk that CLERK_* names, then POST /api/keys"
    preview = f"http://{{port}}-{{sandbox}}.{settings.preview_domain}"
    create = '-sX POST "$INSIEN_API_URL/sandbox/create" -H "X-API-Key: $INSIEN_API_KEY"'
    run = '"$INSIEN_API_URL/sandbox/$ID/exec" -H "X-API-Key: $INSIEN_API_KEY"'
    return "\n".join(
        [
            "",
            f"  API       {settings.public_url}  (docs: {settings.public_url}/docs)",
            f"  previews  {preview}:{settings.ports.single('gateway')}",
            f"  sign-in   {site.clerk_url}  (development only)",
            f"  API key   {key}",
            "",
            "Try:",
            f"  . {env_file}",
            f"  ID=$(curl {create} | python3 -c 'import json,sys; print(json.load(sys.stdin)"
            '["sandboxId"])\')',
            f"  curl -sX POST {run} -H 'Content-Type: application/json'"
            ' -d \'{"command":"uname -a; whoami"}\'',
        ]
    )


def status_table(layout: Layout) -> tuple[str, bool]:
    """The table, and whether all is well."""
    if control.supervisor(layout) is None:
        return "The stack is down.", False
    plan = control.current_plan(layout)
    observed = read_state(layout).processes
    specs = sorted(plan.processes, key=lambda spec: (PARTS.index(spec.part), spec.index))
    rows = [_row(spec, observed.get(spec.name)) for spec in specs]
    lines = [HEADINGS, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    text = "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
    return text, all(row[-1] == "ok" for row in rows)


def _row(spec: ProcessSpec, process: ObservedProcess | None) -> tuple[str, ...]:
    identity = process.identity if process else None
    if process is None or identity is None or not is_alive(identity):
        restarts = str(process.restarts) if process else "0"
        return (spec.part, str(spec.index), "-", "-", restarts, "down")
    health = probe(spec)
    since = process.since or "-"
    pid = str(identity.pid)
    return (spec.part, str(spec.index), pid, since, str(process.restarts), health)
