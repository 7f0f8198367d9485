"""Laws on size and names.

Why: the codebases that people fear have one long file in which everything meets, and a `utils.py`
beside it. A file that can't be named by one noun is split while it is still cheap.
"""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {"utils", "helpers", "common", "manager", "base", "service", "misc"}


def sources() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    paths = (ROOT / name for name in listed)
    return [p for p in paths if p.exists() and "_pb2" not in p.name and p.name != "schema.py"]


def test_no_file_is_longer_than_400_lines_and_no_test_than_600() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in sources()
        if (count := len(path.read_text("utf-8").splitlines()))
        > (600 if "tests" in path.relative_to(ROOT).parts else 400)
    }
    assert not long


def test_no_file_is_named_after_nothing() -> None:
    assert not [path for path in sources() if path.stem in FORBIDDEN]


def test_no_function_is_longer_than_60_lines() -> None:
    long = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) else node.body
                lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
                if lines > 60:
                    long.append(f"{path.relative_to(ROOT)}:{node.lineno} {node.name} ({lines})")
    assert not long


@pytest.mark.parametrize("word", ["unittest.mock", "MagicMock", "AsyncMock", "monkeypatch.setattr"])
def test_nothing_is_mocked(word: str) -> None:
    """A mock agrees with what its author believed; a real part doesn't."""
    here = Path(__file__)
    assert not [p for p in sources() if p != here and word in p.read_text("utf-8")]
