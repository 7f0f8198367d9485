#!/usr/bin/env bash
# All tests, on servers that they start themselves; coverage of each package is a gate.
#
# Two runs side by side, since most tests wait for something: what drives Docker one after the
# other, and the rest. With arguments: one run of just those (`infra/test.sh tests/kit -x`).
set -euo pipefail
cd "$(dirname "$0")/.."
python -m infra.engine ensure
python -m infra.images build
python -m infra.agent_bundle build
if [ $# -gt 0 ]; then
    exec pytest "$@"
fi
rm -f .coverage .coverage.*
log=$(mktemp)
trap 'rm -f "$log"' EXIT
docker_tests=(tests/e2e tests/infra tests/sandbox)
COVERAGE_FILE=.coverage.docker pytest -q --cov --cov-report= "${docker_tests[@]}" >"$log" 2>&1 &
beside=$!
status=0
COVERAGE_FILE=.coverage.rest pytest -q --cov --cov-report= "${docker_tests[@]/#/--ignore=}" || status=$?
wait "$beside" || status=$?
cat "$log"
[ "$status" -eq 0 ] || exit "$status"
coverage combine --quiet .coverage.docker .coverage.rest
coverage json --quiet -o .coverage.json
python -m infra.coverage_gate .coverage.json
