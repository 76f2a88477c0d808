#!/usr/bin/env bash
# From nothing to a verdict: environment, training on real speech, error rate, DET plot, three recordings verified.
#   bash tools/quickstart.sh [--data DIR] [--epochs N] [--work-dir DIR]
# Needs Python 3.10+ with venv and a package index; run again it reuses the environment and resumes the training.
set -euo pipefail
cd "$(dirname "$0")/.."
. tools/environment.sh
make_environment
# Threads that wait should sleep: spinning ones starve a machine that is busy with something else.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
exec "$PYTHON" -m svtoolkit quickstart "$@"
