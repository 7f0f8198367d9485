"""PostgreSQL and Redis: external ones by their URLs, else embedded ones."""

from dataclasses import dataclass

from infra.stack import postgres, redis_server
from infra.stack.plan import ProcessSpec
from infra.stack.settings import StackSettings
from infra.stack.unprivileged import RunAs, run_as


@dataclass(frozen=True, slots=True)
class Stores:
    administrator_url: str
    redis_url: str
    embedded: tuple[ProcessSpec, ...]
    """What this stack itself must run."""


def choose_stores(settings: StackSettings, secrets: dict[str, str]) -> Stores:
    """An URL in the environment that is our own embedded server's (a shell that has sourced
    `dev.env`) does not make that server an external one."""
    ports = settings.ports
    own_database = postgres.url(ports.single("postgres"), secrets["POSTGRES_PASSWORD"])
    own_redis = redis_server.url(ports.single("redis"), secrets["REDIS_PASSWORD"])
    database = settings.database_url or own_database
    redis = settings.redis_url or own_redis
    who = run_as() if own_database == database or own_redis == redis else RunAs(None)
    embedded: list[ProcessSpec] = []
    if database == own_database:
        embedded.append(postgres.spec(settings.layout, who, ports.single("postgres")))
    if redis == own_redis:
        embedded.append(redis_server.spec(settings.layout, who, ports.single("redis")))
    return Stores(database, redis, tuple(embedded))


def prepare_stores(settings: StackSettings, secrets: dict[str, str], stores: Stores) -> None:
    """Make the embedded servers' directories; does nothing to those that run already."""
    who = run_as() if stores.embedded else RunAs(None)
    for spec in stores.embedded:
        if spec.part == "postgres":
            postgres.prepare(settings.layout, who, secrets["POSTGRES_PASSWORD"])
        else:
            redis_server.prepare(settings.layout, who, secrets["REDIS_PASSWORD"])
