"""A dataset that changes what a draw becomes."""

from typing import Any

from svtoolkit.datasets.draws import Draw
from svtoolkit.datasets.random_speaker import RandomSpeakerDataset
from svtoolkit.registry import DATASETS


@DATASETS.register_module()
class ExampleReversedDataset(RandomSpeakerDataset):
    """Random crops, played backwards in every second place of the epoch."""

    def make_item(self, draw: Draw, augment: bool) -> dict[str, Any]:
        item = super().make_item(draw, augment)
        if augment and draw.pos % 2:
            item['inputs'] = item['inputs'][::-1].copy()
        return item
