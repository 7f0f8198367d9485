"""Structured logs: one JSON object a line on standard error, with the request id."""

import logging
import logging.config
import re

from kit.context import request_id

# What must never be printed, should a library put it into a message.
_SECRETS = re.compile(
    r"isk_[0-9A-Za-z]{8}(?P<key>[0-9A-Za-z]{20,})"
    r"|eyJ[\w-]+\.[\w-]+\.(?P<jwt>[\w-]+)"
    r"|(?<=:)(?P<password>[^:@/\s]+)(?=@)"
)


def redact(text: str) -> str:
    """The text with the secret part of API keys, JWTs and passwords in URLs replaced by `***`."""

    def hide(match: re.Match[str]) -> str:
        secret = next(group for group in match.groups() if group is not None)
        return match.group(0).replace(secret, "***")

    return _SECRETS.sub(hide, text)


class _Context(logging.Filter):
    """Adds the request id and redacts messages."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = request_id() or None
        record.msg, record.args = redact(record.getMessage()), None
        return True


def configure(service: str, level: str) -> None:
    """Sets up logging of this process once, at its start.

    `service` is the name that each line carries; `level` one of debug, info, warning, error.
    """
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "filters": {"context": {"()": _Context}},
            "formatters": {
                "json": {
                    "()": "pythonjsonlogger.json.JsonFormatter",
                    "format": "%(asctime)s %(levelname)s %(name)s %(message)s %(request_id)s",
                    "rename_fields": {
                        "asctime": "at",
                        "levelname": "level",
                        "name": "logger",
                        "request_id": "requestId",
                    },
                    "static_fields": {"service": service},
                }
            },
            "handlers": {
                "stderr": {
                    "class": "logging.StreamHandler",
                    "formatter": "json",
                    "filters": ["context"],
                }
            },
            "root": {"level": level.upper(), "handlers": ["stderr"]},
            "loggers": {
                name: {"level": "WARNING"}
                for name in ("uvicorn.access", "websockets", "asyncio", "aiodocker", "httpx")
            },
        }
    )
