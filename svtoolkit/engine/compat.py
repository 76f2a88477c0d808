"""Work-arounds for the libraries below us; each is one function that names the version it can go with."""

import ctypes
import os
import subprocess
import sys

import torch
from torch import distributed

# glibc malloc.h
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


def tune_allocator() -> bool:
    """Keep big blocks inside the process instead of giving them back to the system at every step.

    Page faults on freshly mapped blocks cost a CPU training step up to 40 % of its time. Can go when
    PyTorch caches CPU memory itself. Returns whether glibc took the settings.
    """
    if not sys.platform.startswith('linux'):
        return False
    try:
        mallopt = ctypes.CDLL('libc.so.6').mallopt
    except (OSError, AttributeError):  # musl has no mallopt
        return False
    settings = ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, 2**31 - 1), (M_TOP_PAD, 256 * 2**20))
    return all(mallopt(key, value) for key, value in settings)


def init_gloo(launcher: str) -> None:
    """Join the process group on machines without a GPU.

    mmengine 0.10.7 calls ``torch.cuda.set_device`` for every launcher, gloo included; can go when it
    asks for the device of the backend.
    """
    if launcher == 'slurm':
        _slurm_environment()
    distributed.init_process_group('gloo')


def no_gpu() -> bool:
    """Whether distributed work must go over gloo."""
    return not torch.cuda.is_available()


def _slurm_environment() -> None:
    nodes = os.environ['SLURM_NODELIST']
    hosts = subprocess.run(
        ['scontrol', 'show', 'hostname', nodes], check=True, capture_output=True, text=True
    )
    os.environ.setdefault('MASTER_ADDR', hosts.stdout.split()[0])
    os.environ.setdefault('MASTER_PORT', '29500')
    os.environ['WORLD_SIZE'] = os.environ['SLURM_NTASKS']
    os.environ['RANK'] = os.environ['SLURM_PROCID']
    os.environ['LOCAL_RANK'] = os.environ['SLURM_LOCALID']
