#!/usr/bin/env bash
# All tests, on servers that they start themselves; coverage of each package is a gate.
set -euo pipefail
cd "$(dirname "$0")/.."
python -m infra.engine ensure
python -m infra.images build
python -m infra.agent_bundle build
rm -f .coverage .coverage.*
pytest --cov --cov-report= "$@"
coverage json --quiet -o .coverage.json
python -m infra.coverage_gate .coverage.json
