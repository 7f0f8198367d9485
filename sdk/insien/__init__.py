"""Insien Sandbox: isolated Linux machines for programs.

with Client() as client, client.create() as sandbox:
    print(sandbox.run("uname -a").stdout)
"""

from insien.aio.client import AsyncClient
from insien.aio.process import AsyncOutputStream, AsyncProcess
from insien.aio.sandbox import AsyncSandbox
from insien.client import Client
from insien.errors import (
    CommandFailed,
    Conflict,
    ConnectionLost,
    DeadlineExceeded,
    DiskFull,
    FieldError,
    Forbidden,
    Gone,
    InsienError,
    Invalid,
    NotConfigured,
    NotFound,
    PortNotListening,
    RateLimited,
    ServerError,
    Unauthenticated,
    Unavailable,
)
from insien.models import AccessToken, Event, FileInfo, Metrics, Port, Status, Template
from insien.process import OutputStream, Process
from insien.results import Chunk, Output, ProcessInfo, Result
from insien.sandbox import Sandbox

__all__ = [
    "AccessToken",
    "AsyncClient",
    "AsyncOutputStream",
    "AsyncProcess",
    "AsyncSandbox",
    "Chunk",
    "Client",
    "CommandFailed",
    "Conflict",
    "ConnectionLost",
    "DeadlineExceeded",
    "DiskFull",
    "Event",
    "FieldError",
    "FileInfo",
    "Forbidden",
    "Gone",
    "InsienError",
    "Invalid",
    "Metrics",
    "NotConfigured",
    "NotFound",
    "Output",
    "OutputStream",
    "Port",
    "PortNotListening",
    "Process",
    "ProcessInfo",
    "RateLimited",
    "Result",
    "Sandbox",
    "ServerError",
    "Status",
    "Template",
    "Unauthenticated",
    "Unavailable",
]
