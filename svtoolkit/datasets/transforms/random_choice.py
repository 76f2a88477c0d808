"""One of several changes, or none: the rule of most augmentation recipes."""

from collections.abc import Sequence

import numpy as np

from svtoolkit.errors import ConfigError
from svtoolkit.registry import TRANSFORMS

Choice = dict | None | Sequence[dict]


@TRANSFORMS.register_module()
class RandomChoice:
    """Draws one entry of a list and applies it.

    ``RandomChoice([None, dict(type='Reverb', …), dict(type='AddNoise', …)])`` leaves a third of the
    waveforms as they are. A list as entry is a chain, applied in order (babble, then music).
    """

    def __init__(self, transforms: Sequence[Choice], probs: Sequence[float] | None = None) -> None:
        """Build the entries.

        Args:
            transforms: config of a transform, a list of them, or None for no change.
            probs: one probability per entry, summing to 1; equal when left out.

        Raises:
            ConfigError: no entries, or probabilities that do not fit them.
        """
        if not transforms:
            raise ConfigError('RandomChoice: transforms is empty.')
        if probs is not None and (
            len(probs) != len(transforms) or min(probs) < 0 or abs(sum(probs) - 1) > 1e-6
        ):
            raise ConfigError(
                f'RandomChoice: probs={list(probs)}, must be {len(transforms)} numbers that sum to 1.'
            )
        self.chains = [_build(entry) for entry in transforms]
        self.edges = np.cumsum(probs if probs is not None else np.full(len(transforms), 1 / len(transforms)))

    def prepare(self) -> None:
        """Let all entries open what they read."""
        for chain in self.chains:
            for transform in chain:
                if hasattr(transform, 'prepare'):
                    transform.prepare()

    def __call__(self, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        place = int(np.searchsorted(self.edges, rng.random(), side='right'))
        chain = self.chains[min(place, len(self.chains) - 1)]  # a sum of 0.9999999 must not run over
        if not chain:
            return wave.copy()
        for transform in chain:
            wave = transform(wave, rng)
        return wave


def _build(entry: Choice) -> list:
    if entry is None:
        return []
    steps = [entry] if isinstance(entry, dict) or callable(entry) else entry
    return [TRANSFORMS.build(step) if isinstance(step, dict) else step for step in steps]
