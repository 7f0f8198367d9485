"""Both tables of errors are total."""

import importlib
import pkgutil

import grpc
import pytest

from kit import problems
from kit.errors import Failure, ValidationFailed


def _failures() -> list[type[Failure]]:
    """Every failure of every part that is installed."""
    for package in ("kit", "auth", "sandbox", "ws_hub", "gateway"):
        module = importlib.import_module(package)
        for info in pkgutil.walk_packages(module.__path__, f"{package}."):
            if info.name.endswith("errors"):
                importlib.import_module(info.name)
    found, queue = [], [Failure]
    while queue:
        cls = queue.pop()
        found.append(cls)
        queue += cls.__subclasses__()
    return found


def test_every_code_has_a_status_for_http_and_for_grpc() -> None:
    codes = {cls.code for cls in _failures()}
    assert codes <= problems.HTTP_STATUS.keys()
    assert problems.GRPC_STATUS.keys() == problems.HTTP_STATUS.keys()
    assert all(isinstance(code, grpc.StatusCode) for code in problems.GRPC_STATUS.values())


@pytest.mark.parametrize("code", sorted(problems.HTTP_STATUS))
def test_every_status_has_a_title(code: str) -> None:
    assert problems.title(problems.HTTP_STATUS[code])


def test_a_problem_document_has_every_member() -> None:
    document = problems.document(ValidationFailed.of("name", "is required"))
    assert document["status"] == 400
    assert document["detail"] == document["error"] == "name: is required"
    assert document["success"] is False
    assert document["errors"] == [{"field": "name", "message": "is required"}]


def test_retry_after_is_whole_seconds_and_never_zero() -> None:
    answer = problems.response(Failure("later", retry_after=0.2))
    assert answer.headers["retry-after"] == "1"
