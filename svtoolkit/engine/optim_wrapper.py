"""Mixed precision that also works on the CPU."""

from contextlib import contextmanager

import torch
from mmengine.device import get_device
from mmengine.optim import OptimWrapper

from svtoolkit.errors import unknown_name
from svtoolkit.registry import OPTIM_WRAPPERS

DTYPES = {'bfloat16': torch.bfloat16, 'float16': torch.float16}


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """``OptimWrapper`` whose forward runs under ``torch.autocast`` on any device, without loss scaling.

    bfloat16 has float32's range and needs no scaler; for float16 on a GPU take mmengine's
    ``AmpOptimWrapper``. Losses, margins and features stay in float32 by themselves.

    Args:
        dtype: ``bfloat16`` or ``float16``.
        kwargs: of mmengine's ``OptimWrapper`` (optimizer, accumulative_counts, clip_grad).
    """

    def __init__(self, dtype: str = 'bfloat16', **kwargs) -> None:
        super().__init__(**kwargs)
        if dtype not in DTYPES:
            raise unknown_name('dtype of AutocastOptimWrapper', dtype, DTYPES)
        self.dtype = DTYPES[dtype]

    @contextmanager
    def optim_context(self, model):
        device = 'cuda' if get_device().startswith('cuda') else 'cpu'
        with super().optim_context(model), torch.autocast(device, dtype=self.dtype):
            yield
