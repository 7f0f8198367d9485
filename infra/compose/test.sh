#!/usr/bin/env bash
# compose.yaml, brought up from nothing on this machine with two hubs and two gateways, tested end to end through
# the public API, one part restarted, taken down. A deployment of its own (insien-compose): others are left alone.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=$PWD/.venv/bin:$PATH

port=${COMPOSE_TEST_PORT:-39000}
export DEPLOYMENT=insien-compose INSIEN_BRIDGE=insienc0 INSIEN_BRIDGE_ISOLATED=insienc1
export SANDBOX_NETWORK=$DEPLOYMENT-sandboxes SANDBOX_NETWORK_ISOLATED=$DEPLOYMENT-isolated
work=$(mktemp -d)
wheelhouse=infra/compose/wheelhouse

say() { printf '%3d s  %s\n' "$SECONDS" "$*"; }

find_compose() {
    if docker compose version >/dev/null 2>&1; then
        compose_program=(docker compose)
    elif command -v docker-compose >/dev/null || install_compose; then
        compose_program=(docker-compose)
    else
        echo "No docker compose here. Install Docker's compose plugin, or docker-compose." >&2
        return 1
    fi
}

install_compose() {
    [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || return 1
    say "installing docker-compose"
    export DEBIAN_FRONTEND=noninteractive
    local install=(apt-get install -y -qq --no-install-recommends docker-compose)
    "${install[@]}" >"$work/apt.log" 2>&1 || { apt-get update -qq && "${install[@]}"; } >"$work/apt.log" 2>&1
}

# Without the caller's variables: they would go before those of the file.
compose() {
    env -i PATH="$PATH" HOME="$HOME" DOCKER_HOST="${DOCKER_HOST:-}" "${compose_program[@]}" \
        --project-name "$DEPLOYMENT" --env-file "$work/env" \
        -f compose.yaml -f infra/compose/dev_clerk.yaml "$@"
}

write_env() {
    umask 077
    CLERK_SECRET_KEY=sk_test_$(openssl rand -hex 16) CLERK_WEBHOOK_SECRET=whsec_$(openssl rand -base64 24) \
        CLERK_ISSUER=http://clerk:8084 CLERK_AUTHORIZED_PARTIES=http://localhost:$port \
        PUBLIC_URL=http://localhost:$port PREVIEW_DOMAIN=localhost \
        python -m infra.compose.new_env >"$work/env"
    cat >>"$work/env" <<END
DEPLOYMENT=$DEPLOYMENT
INSIEN_VERSION=compose-test
PYTHON_IMAGE=insien/base-python:bookworm
POSTGRES_IMAGE=insien/base-postgres:15
REDIS_IMAGE=insien/base-redis:7
SANDBOX_NETWORK=$SANDBOX_NETWORK
SANDBOX_NETWORK_ISOLATED=$SANDBOX_NETWORK_ISOLATED
INSIEN_BRIDGE=$INSIEN_BRIDGE
INSIEN_BRIDGE_ISOLATED=$INSIEN_BRIDGE_ISOLATED
DOCKER_MTU=$(python -c 'from infra.engine.daemon import default_route_mtu as mtu; print(mtu() or 1500)')
GATEWAY_PORTS=$port-$((port + 1))
CLERK_PORT=$((port + 2))
CLERK_API_URL=http://clerk:8084
RATE_LIMIT_PER_KEY=0
RATE_LIMIT_CREATE_PER_KEY=0
RATE_LIMIT_PER_ADDRESS=0
MAX_SANDBOXES_PER_USER=6
END
    umask 022
}

# Where containers reach no package index the host's pip fetches; the image build verifies the same hashes.
fill_wheelhouse() {
    local stamp
    stamp=$(cat requirements.lock ./*/pyproject.toml services/*/pyproject.toml | sha256sum)
    if [[ $(cat "$wheelhouse/.stamp" 2>/dev/null) != "$stamp" ]]; then
        rm -f "$wheelhouse"/*.whl
        # Another Python than the images': left empty, pip in the build asks the index.
        python infra/compose/wheels.py all --out "$wheelhouse" || { rm -f "$wheelhouse"/*.whl; return 0; }
        echo "$stamp" >"$wheelhouse/.stamp"
    fi
}

logged() { "$@" >"$work/log" 2>&1 || { tail -n 60 "$work/log" >&2; return 1; }; }

build() {
    local parallel=()
    [[ ${compose_program[0]} == docker-compose ]] && parallel=(--parallel)
    fill_wheelhouse >"$work/wheels.log" 2>&1 &
    local wheels=$!
    logged compose build fence || { wait "$wheels"; return 1; }
    wait "$wheels" || { cat "$work/wheels.log" >&2; return 1; }
    logged compose build "${parallel[@]}" gateway auth sandbox ws-hub
}

wait_healthy() {
    local deadline=$((SECONDS + 60))
    until curl -fsS --noproxy '*' --max-time 5 "http://localhost:$1/health" >"$work/health" 2>&1; do
        ((SECONDS < deadline)) || { echo "not healthy on port $1: $(cat "$work/health")" >&2; return 1; }
        sleep 0.5
    done
}

take_down() {
    # First what makes sandboxes, then the sandboxes, then what they are attached to.
    compose kill sandbox >/dev/null 2>&1 || true
    docker ps -aq --filter "label=insien.deployment=$DEPLOYMENT" --filter label=insien.sandbox-id \
        | xargs -r docker rm -f -v >/dev/null 2>&1 || true
    compose down --volumes --remove-orphans --timeout 5 >/dev/null 2>&1 || true
    docker run --rm --network host --cap-drop ALL --cap-add NET_ADMIN --cap-add NET_RAW \
        -v /var/run/docker.sock:/var/run/docker.sock -e DEPLOYMENT -e SANDBOX_NETWORK \
        -e SANDBOX_NETWORK_ISOLATED -e INSIEN_BRIDGE -e INSIEN_BRIDGE_ISOLATED \
        insien/tools:compose-test infra.firewall remove >/dev/null 2>&1 || true
}

finish() {
    local status=$?
    trap - EXIT INT TERM
    if ((status != 0)) && [[ -f $work/env ]]; then
        compose ps >&2 || true
        compose logs --no-color --tail=40 >&2 || true
    fi
    say "taking it down"
    if [[ -f $work/env ]]; then take_down; fi
    rm -rf "$work"
    if ((status == 0)); then say "compose-test: ok"; else say "compose-test: failed"; fi
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM

python -m infra.engine ensure
find_compose
logged python -m infra.images build-bases python postgres redis
logged python -m infra.images build default minimal
write_env
take_down
say "building the services' images"
build
say "starting"
logged compose up -d --no-build --scale ws-hub=2 --scale gateway=2
wait_healthy "$port"
wait_healthy "$((port + 1))"
say "healthy, with two hubs behind two gateways"

export INSIEN_API_URL=http://localhost:$port INSIEN_CLERK_URL=http://localhost:$((port + 2))
export INSIEN_PREVIEW_DOMAIN=localhost INSIEN_STATE_DIR=$work COMPOSE_PROJECT_NAME=$DEPLOYMENT
INSIEN_API_KEY=$(python -c 'import os; from infra.stack.sign_in import SignIn
print(SignIn(os.environ["INSIEN_CLERK_URL"], os.environ["INSIEN_API_URL"]).issue_key())')
export INSIEN_API_KEY
python -m infra.compose.smoke 2
say "end-to-end tests"
survives="tests/e2e/test_recovery.py::test_a_sandbox_survives_the_restart_of_a_part"
pytest -q -p no:cacheprovider tests/e2e/test_story.py tests/e2e/test_output.py tests/e2e/test_previews.py \
    "${survives}[sandbox]" "${survives}[ws-hub]"
say "up again, one hub less: the sandboxes' agents move"
logged compose up -d --no-build --scale ws-hub=1 --scale gateway=2
logged compose restart --timeout 30 sandbox
wait_healthy "$port"
python -m infra.compose.smoke 1
