#!/usr/bin/env bash
# Lint, types, import directions and tests in an environment of their own; arguments go to pytest.
#   bash tools/run_tests.sh [PYTEST ARGUMENTS]
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/environment.sh
make_environment dev
bin=$(dirname "$PYTHON")
echo "== lint";   "$bin/ruff" check . && "$bin/ruff" format --check .
echo "== types";  "$bin/mypy"
echo "== import directions"; "$bin/lint-imports"
echo "== tests"
export OMP_NUM_THREADS=1
exec "$PYTHON" -m pytest -n "${TEST_PROCESSES:-2}" "$@"
