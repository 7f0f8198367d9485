"""`up`: from a fresh machine, or from any half state, to a stack whose /health is ok."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from infra.stack import control, steps
from infra.stack.blueprint import EVERYWHERE, Site, blueprint, service_env
from infra.stack.configuration import inherited
from infra.stack.database import DatabaseUrls, database_urls, prepare_database
from infra.stack.dev_env import former_key, local_url, write_dev_env
from infra.stack.errors import StackError, StepFailed
from infra.stack.health import log_tails, wait_healthy
from infra.stack.network import hub_addresses
from infra.stack.observed import read_state
from infra.stack.preflight import check_machine, check_ports, must_rebind
from infra.stack.secret_file import load_secrets
from infra.stack.settings import StackSettings
from infra.stack.sign_in import SignIn
from infra.stack.steps import Step, run_step
from infra.stack.stores import Stores, choose_stores, prepare_stores
from infra.stack.strays import end_strays

DATABASE_SECONDS = 60.0
SETTLE_SECONDS = 120.0
HEALTH_SECONDS = 90.0
OTHER_SIGN_IN = ("CLERK_API_URL", "CLERK_ISSUER", "CLERK_JWT_KEY", "CLERK_AUTHORIZED_PARTIES")


@dataclass(frozen=True, slots=True)
class Result:
    """What the user is told in the end."""

    site: Site
    key: str | None


def up(settings: StackSettings) -> Result:
    """Bring the stack to what the environment asks for. StackError says what stood in the way;
    a stack that did not run before is stopped again then, nothing stays half started."""
    check_machine()
    settings.layout.prepare()
    with control.one_command_at_a_time(settings.layout):
        ran_before = control.supervisor(settings.layout) is not None
        if not ran_before:
            end_strays(settings.layout)
        try:
            return _bring_up(settings)
        except BaseException:
            if not ran_before:
                control.stop(settings.layout)
            raise


def _bring_up(settings: StackSettings) -> Result:
    layout = settings.layout
    secrets = load_secrets(layout, settings.environ)
    stores = choose_stores(settings, secrets)
    passwords = {"auth": secrets["AUTH_DB_PASSWORD"], "sandbox": secrets["SANDBOX_DB_PASSWORD"]}
    urls = database_urls(stores.administrator_url, passwords)
    draft = Site(
        settings=settings,
        secrets=secrets,
        database_urls=urls.services,
        redis_url=stores.redis_url,
        hub_host=EVERYWHERE,
        agent_host=EVERYWHERE,
        isolated_host="",
        bundle=str(layout.agent_bundle),
    )
    check_ports(blueprint(draft, list(stores.embedded)), control.current_plan(layout))
    with ThreadPoolExecutor(max_workers=4) as pool:
        docker = pool.submit(_prepare_docker, draft, pool)
        _start_stores(draft, stores, urls, passwords)
        site = docker.result()
    _migrate(site)
    plan = blueprint(site, list(stores.embedded))
    if must_rebind(plan, control.current_plan(layout)):
        control.stop(layout)
    control.apply(layout, plan)
    control.settle(layout, SETTLE_SECONDS)
    _wait_healthy(site)
    key = _first_key(site)
    write_dev_env(site, urls.administrator, key)
    return Result(site, key)


def _prepare_docker(draft: Site, pool: ThreadPoolExecutor) -> Site:
    """The engine first; then networks, bundle and images side by side."""
    settings = draft.settings
    run_step(settings, steps.ENGINE)
    network = steps.firewall(settings.ports.single("ws-hub"))
    bundle = pool.submit(run_step, settings, steps.BUNDLE)
    images = pool.submit(run_step, settings, steps.IMAGES)
    run_step(settings, network)
    hub_host, agent_host, isolated_host = hub_addresses(settings)
    images.result()
    bundle.result()
    # The folder, not the link to the newest: a new bundle must restart the part that hands it out.
    resolved = str(settings.layout.agent_bundle.resolve())
    return replace(
        draft,
        hub_host=hub_host,
        agent_host=agent_host,
        isolated_host=isolated_host,
        bundle=resolved,
    )


def _start_stores(
    draft: Site, stores: Stores, urls: DatabaseUrls, passwords: dict[str, str]
) -> None:
    """Before all else: the migrations need them. What runs already goes on running."""
    settings = draft.settings
    if stores.embedded:
        plan = control.current_plan(settings.layout)
        running = {spec.name: spec.digest for spec in plan.processes}
        wanted = {spec.name: spec.digest for spec in stores.embedded}
        if not wanted.items() <= running.items():
            prepare_stores(settings, draft.secrets, stores)
            base = inherited(settings.environ)
            control.apply(settings.layout, replace(plan.merged(stores.embedded), base_env=base))
            control.settle(settings.layout, SETTLE_SECONDS)
    prepare_database(urls, passwords, DATABASE_SECONDS)
    print("  PostgreSQL and Redis: ready", flush=True)


def _migrate(site: Site) -> None:
    for part in ("auth", "sandbox"):
        argv = Step("", part, ("migrate",)).argv()
        env = inherited(site.settings.environ) | service_env(site, part)
        steps.run_command(site.settings, f"migrate {part}", argv, env)
    print("  migrations: done", flush=True)


def _wait_healthy(site: Site) -> None:
    layout = site.settings.layout
    try:
        wait_healthy(local_url(site), HEALTH_SECONDS)
    except StepFailed as error:
        processes = read_state(layout).processes
        restless = [name for name, process in processes.items() if process.restarts > 1]
        raise StackError(f"{error}\n{log_tails(layout, restless, 15)}".rstrip()) from error


def _first_key(site: Site) -> str | None:
    """The key of the last time while it works, else a new one.

    None when auth is told to trust another sign-in than ours, which knows no such user.
    """
    sign_in = SignIn(site.clerk_url, local_url(site))
    key = former_key(site.settings.layout)
    if key and sign_in.is_valid(key):
        return key
    try:
        return sign_in.issue_key()
    except StackError:
        if any(site.settings.environ.get(name) for name in OTHER_SIGN_IN):
            return None
        raise
