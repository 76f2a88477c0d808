"""Rows of a classifier that go with a class: taken over by name, or made from a new speaker's voice."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from svtoolkit.datasets.draws import Draw
from svtoolkit.errors import CheckpointError
from svtoolkit.models.recognizers.embedding_recognizer import EmbeddingRecognizer


def copy_rows(
    head: nn.Module, old: Mapping[str, Tensor], old_classes: Sequence[str], classes: Sequence[str]
) -> list[int]:
    """Copy what a head knew about the classes it keeps; tensors without classes are copied whole.

    Args:
        head: takes the rows; tensors with a multiple of ``len(classes)`` rows belong to classes.
        old: tensors of the old head by the same names.
        old_classes: names of the old rows.
        classes: names of the new rows.

    Returns:
        Numbers of the new classes that the old head did not have.

    Raises:
        CheckpointError: the old head is of another kind.
    """
    place = {name: row for row, name in enumerate(old_classes)}
    known = [row for row, name in enumerate(classes) if name in place]
    source = torch.tensor([place[classes[row]] for row in known], dtype=torch.long)
    target = torch.tensor(known, dtype=torch.long)
    for name, tensor in head.state_dict().items():
        if name not in old:
            raise CheckpointError(f'head.{name}: is not in the old head; keep its type, or use head=new.')
        given = old[name].to(tensor)
        if _by_class(tensor, classes) and _by_class(given, old_classes):
            ours, theirs = _blocks(tensor, classes), _blocks(given, old_classes)  # [S, K, …]
            if ours.shape[1:] == theirs.shape[1:]:
                ours[target] = theirs[source]
                continue
        if given.shape != tensor.shape:
            raise CheckpointError(
                f'head.{name}: {tuple(given.shape)} with {len(old_classes)} old classes, '
                f'{tuple(tensor.shape)} with {len(classes)} new ones; use head=new.'
            )
        tensor.copy_(given)
    return sorted(set(range(len(classes))) - set(known))


def fill_rows(head: nn.Module, vectors: Tensor, rows: Sequence[int], classes: Sequence[str]) -> None:
    """Start new classes at their speaker's mean embedding, as long as the other rows are on average.

    Args:
        head: whose rows are set.
        vectors: [len(rows), D] unit vectors; a row of zeros leaves that class as it was built.
        rows: numbers of the classes.
        classes: names of all classes.
    """
    for tensor in head.state_dict().values():
        if tensor.dim() != 2 or not _by_class(tensor, classes) or tensor.shape[1] != vectors.shape[1]:
            continue
        blocks = _blocks(tensor, classes)  # [S, K, D]
        others = [row for row in range(len(classes)) if row not in set(rows)] or list(range(len(classes)))
        length = blocks[others].norm(dim=-1).mean()
        for row, vector in zip(rows, vectors.to(tensor)):
            if vector.any():
                blocks[row] = length * vector


@torch.no_grad()
def class_embeddings(
    model: EmbeddingRecognizer, dataset, rows: Sequence[int], utts_per_speaker: int, num_samples: int
) -> Tensor:
    """Normalised mean embedding of classes, [len(rows), D]; zeros where the data hold nothing of one.

    Args:
        model: a recogniser.
        dataset: a ``SpeakerDataset`` whose class numbers ``rows`` are.
        rows: numbers of the classes, changed speeds included.
        utts_per_speaker: at most so many utterances of each.
        num_samples: length of the crops.
    """
    model.eval()
    device = next(model.parameters()).device
    found = torch.zeros(len(rows), model.embed_dim)
    for place, number in enumerate(rows):
        block, speaker = divmod(number, len(dataset.speaker_map))
        begin, end = dataset.speaker_offsets[speaker : speaker + 2]
        if begin == end:
            continue
        chosen = np.unique(np.linspace(begin, end - 1, min(end - begin, utts_per_speaker)).astype(int))
        waves = [
            crop(dataset, int(row), num_samples, dataset.speeds[block]) for row in dataset.by_speaker[chosen]
        ]
        vectors = model.embed(torch.from_numpy(np.stack(waves)).to(device)).float()
        found[place] = F.normalize(F.normalize(vectors, dim=1).mean(dim=0), dim=0).cpu()
    return found


def crop(dataset, row: int, num_samples: int, speed: float = 1.0) -> np.ndarray:
    """A crop of an utterance without augmentation, [num_samples] float32; always the same one."""
    draw = Draw(0, row, row, num_samples, speed, dataset.seed)
    return dataset.make_item(draw, augment=False)['inputs']


def _by_class(tensor: Tensor, classes: Sequence[str]) -> bool:
    return tensor.dim() > 0 and len(tensor) > 0 and len(tensor) % max(len(classes), 1) == 0


def _blocks(tensor: Tensor, classes: Sequence[str]) -> Tensor:
    return tensor.view(len(classes), len(tensor) // len(classes), *tensor.shape[1:])
