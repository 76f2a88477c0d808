"""Stay near the start weights while fine-tuning. Li et al. 2018, L2-SP (arXiv:1802.01483)."""

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import Tensor, nn

from svtoolkit.engine.start_weights import HEAD, read_start
from svtoolkit.errors import ConfigError
from svtoolkit.registry import HOOKS


@HOOKS.register_module()
class L2SPHook(Hook):
    """After every step ``w -= lr * weight * (w - w_start)``, apart from the head.

    Decoupled from the gradient, as AdamW's decay is: neither the optimiser's statistics nor gradient
    clipping or loss scaling see it. ``lr`` is that of the parameter's group. ``fine_tune.l2_sp`` adds it.
    So n steps take the share ``1 - exp(-n * lr * weight)`` of a change back; a weight of the paper's 1e-3, which
    stands in the gradient there, would do nothing.

    Args:
        checkpoint: the start weights.
        weight: strength; 10 for some hundred steps at 1e-4 to 1e-3.
    """

    def __init__(self, checkpoint: str, weight: float = 10.0) -> None:
        if weight < 0:
            raise ConfigError(f'L2SPHook: weight={weight} would push away from the start; use 0 or more.')
        self.checkpoint = checkpoint
        self.weight = weight
        self._pairs: list[tuple[dict, nn.Parameter, Tensor]] = []

    def before_train(self, runner) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        start = read_start(self.checkpoint).state
        names = {parameter: name for name, parameter in model.named_parameters()}
        self._pairs = []
        for group in runner.optim_wrapper.optimizer.param_groups:
            for parameter in group['params']:
                name = names[parameter]
                fits = name in start and start[name].shape == parameter.shape
                if fits and not name.startswith(HEAD):
                    self._pairs.append((group, parameter, start[name].to(parameter)))

    @torch.no_grad()
    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:
        for group, parameter, start in self._pairs:
            if parameter.requires_grad:
                parameter.lerp_(start, min(1.0, group['lr'] * self.weight))
