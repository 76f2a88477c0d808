"""Running statistics of batch norms in fine-tuning: kept, or measured anew on the new data."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch.nn.modules.batchnorm import _BatchNorm

from svtoolkit.engine.class_rows import crop
from svtoolkit.models.recognizers.embedding_recognizer import EmbeddingRecognizer
from svtoolkit.registry import HOOKS

BATCH = 32  # crops of one pass; equal parts, so that no part is small


@HOOKS.register_module()
class FrozenStatsHook(Hook):
    """Normalise with the running statistics in training too; weights and biases still learn.

    The batch norms of the head, if any, are left alone. Small batches would otherwise replace statistics
    that millions of crops have made by those of a few.
    """

    priority = 'LOW'  # behind hooks that switch parts of the model to training

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        for name, module in model.named_modules():
            if isinstance(module, _BatchNorm) and not name.startswith('head.'):
                module.training = False


@torch.no_grad()
def adapt_statistics(
    model: EmbeddingRecognizer, dataset, rows: Sequence[int] | np.ndarray, num_samples: int
) -> None:
    """Replace all running statistics by the plain average over one pass of new data. Li et al. 2016, AdaBN.

    Args:
        model: a recogniser; only its running means and variances change.
        dataset: a ``SpeakerDataset``; crops are taken without augmentation.
        rows: utterances to use, two or more.
        num_samples: length of the crops.
    """
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    device = next(model.parameters()).device
    model.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # PyTorch's name for a cumulative average
        norm.train()
    for part in np.array_split(np.asarray(rows), max(1, len(rows) // BATCH)):
        waves = np.stack([crop(dataset, int(row), num_samples) for row in part])
        model.embed(torch.from_numpy(waves).to(device))
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    model.train()
