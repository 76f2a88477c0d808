#!/usr/bin/env bash
# tools/dist_train.sh CONFIG PROCESSES [options of tools/train.py]; NNODES, NODE_RANK, MASTER_ADDR, PORT from the environment.
set -euo pipefail
[ $# -ge 2 ] || { echo "usage: $0 CONFIG PROCESSES [options]" >&2; exit 2; }
config=$1; processes=$2; shift 2
exec "${PYTHON:-python}" -m torch.distributed.run --nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" --master_port="${PORT:-29500}" --nproc_per_node="$processes" \
    "$(dirname "$0")/train.py" "$config" --launcher pytorch "$@"
