#!/usr/bin/env bash
# All tests, on servers that they start themselves; coverage of each package is a gate.
#
# Two runs side by side, since most tests wait for something: what drives Docker one after the
# other, and the rest. What fails is run once more by itself and named as flaky when it passes
# then; what fails twice fails. With arguments: one run of just those (`infra/test.sh tests/kit`).
set -euo pipefail
cd "$(dirname "$0")/.."
python -m infra.engine ensure
python -m infra.images build
python -m infra.agent_bundle build
if [ $# -gt 0 ]; then
    exec pytest "$@"
fi

run() {
    local name=$1
    shift
    local options=(-q -o "cache_dir=.pytest_cache/$name" --cov --cov-report=)
    COVERAGE_FILE=.coverage.$name pytest "${options[@]}" "$@" && return
    echo "=== once more, what failed; what passes now is flaky and wants mending"
    options+=(--last-failed --last-failed-no-failures none)
    COVERAGE_FILE=.coverage.$name-again pytest "${options[@]}" "$@"
}

rm -rf .coverage .coverage.* .pytest_cache/docker .pytest_cache/rest
log=$(mktemp)
trap 'rm -f "$log"' EXIT
docker_tests=(tests/e2e tests/infra tests/sandbox)
run docker "${docker_tests[@]}" >"$log" 2>&1 &
beside=$!
status=0
run rest "${docker_tests[@]/#/--ignore=}" || status=$?
wait "$beside" || status=$?
cat "$log"
[ "$status" -eq 0 ] || exit "$status"
coverage combine --quiet .coverage.*
coverage json --quiet -o .coverage.json
python -m infra.coverage_gate .coverage.json
