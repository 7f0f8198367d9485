"""What the functions of the tables take: a pool, or a connection inside a transaction."""

from typing import TYPE_CHECKING, TypeAlias

import asyncpg

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = PoolConnectionProxy[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Database: TypeAlias = Pool | Connection
    Row: TypeAlias = asyncpg.Record
else:
    Connection = Pool = Database = Row = object
