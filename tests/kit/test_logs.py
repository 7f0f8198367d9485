"""Logs: one JSON object a line, and no secret in it."""

import json
import subprocess
import sys

import pytest

from kit.logs import redact

KEY = "isk_AbCd1234" + "x" * 38


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"key {KEY} used", "x" * 38),
        ("Bearer eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
        ("redis://:hunter22@localhost:6379/0", "hunter22"),
    ],
)
def test_a_secret_is_hidden(text: str, secret: str) -> None:
    assert secret not in redact(text)
    assert "***" in redact(text)


def test_a_line_is_json_with_service_request_id_and_extras() -> None:
    script = (
        "import logging; from kit import context, logs; logs.configure('demo', 'info');"
        "context.accept_request_id('req-12345678');"
        f"logging.getLogger('a').info('used %s', '{KEY}', extra={{'count': 3}})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    line = json.loads(done.stderr)
    assert line["service"] == "demo"
    assert line["requestId"] == "req-12345678"
    assert line["count"] == 3
    assert line["message"] == "used isk_AbCd1234***"
