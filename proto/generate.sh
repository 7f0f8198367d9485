#!/bin/sh
# Regenerates wire/**/*_pb2*.py from the .proto files beside them. Import path = proto path.
set -eu
cd "$(dirname "$0")"
python=${PYTHON:-../.venv/bin/python}
$python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. --grpc_python_out=. wire/auth/v1/auth.proto wire/sandbox/v1/sandbox.proto wire/hub/v1/hub.proto
$python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. wire/agent/v1/agent.proto
