"""Prints how much of each package's own lines the tests run; exit 1 when one is below the bar."""

import json
import sys
from collections import defaultdict
from pathlib import Path

LEAST_PERCENT = 90.0
PACKAGES = ("kit", "auth", "sandbox", "ws_hub", "gateway", "agent", "insien")


def main(report: Path) -> int:
    """Reads coverage's JSON report."""
    lines: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, entry in json.loads(report.read_text("utf-8"))["files"].items():
        package = next((part for part in Path(name).parts[::-1] if part in PACKAGES), None)
        if package is not None:
            lines[package][0] += entry["summary"]["covered_lines"]
            lines[package][1] += entry["summary"]["num_statements"]
    low = False
    for package in PACKAGES:
        covered, total = lines[package]
        percent = 100.0 * covered / total if total else 0.0
        low |= percent < LEAST_PERCENT
        mark = "" if percent >= LEAST_PERCENT else f"  < {LEAST_PERCENT}"
        print(f"coverage {package:<8} {percent:5.1f} % of {total} lines{mark}")
    return 1 if low else 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
