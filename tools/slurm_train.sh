#!/usr/bin/env bash
# tools/slurm_train.sh PARTITION JOB CONFIG WORK_DIR [options]; GPUS, GPUS_PER_NODE, CPUS_PER_TASK, SRUN_ARGS from the environment.
set -euo pipefail
[ $# -ge 4 ] || { echo "usage: $0 PARTITION JOB CONFIG WORK_DIR [options]" >&2; exit 2; }
partition=$1; job=$2; config=$3; work_dir=$4; shift 4
gpus=${GPUS:-8}; per_node=${GPUS_PER_NODE:-8}
# shellcheck disable=SC2086  # SRUN_ARGS holds several words
exec srun -p "$partition" --job-name="$job" --gres=gpu:"$per_node" --ntasks="$gpus" --ntasks-per-node="$per_node" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$(dirname "$0")/train.py" "$config" --work-dir "$work_dir" --launcher slurm "$@"
