"""Weights of another toolkit, front end included, as a model package of ours."""

import hashlib
from pathlib import Path

import torch

from svtoolkit.engine import checkpoint as files
from svtoolkit.errors import CheckpointError, unknown_name
from svtoolkit.registry import MODELS
from svtoolkit.zoo.key_map import rename_weights
from svtoolkit.zoo.package import ModelPackage
from svtoolkit.zoo.read_weights import Weights, read_weights
from svtoolkit.zoo.recipe import Recipe
from svtoolkit.zoo.sources import SOURCES

COUNTER = 'num_batches_tracked'  # of batch norms; no score depends on it, and exports leave it out


def convert(
    path: str | Path,
    source: str,
    name: str | None = None,
    feature: dict | None = None,
    normalise: str | None = None,
    threshold: float | None = None,
) -> ModelPackage:
    """Read foreign weights and give the model that makes the same embeddings from the same waveform.

    The architecture is recognised from the shapes of the weights, the front end is the source's own. Nothing
    in the file is executed.

    Args:
        path: ``.pt``, ``.pth``, ``.ckpt``, ``.bin``, ``.model``, ``.safetensors``, ``.onnx`` or ``.nemo``.
        source: toolkit the file comes from, one of ``SOURCES``.
        name: of the model; the file's by default.
        feature: config of another front end, for weights that were trained with their own settings.
        normalise: of the preprocessor, where the source's does not hold.
        threshold: same speaker at or above it, if one was measured.

    Raises:
        UnknownNameError: no such source.
        CheckpointError: a damaged or unsafe file, or weights that do not fit; every fault is listed.
    """
    if source not in SOURCES:
        raise unknown_name('source of weights', source, SOURCES)
    path = Path(path)
    weights = read_weights(path)
    try:
        recipe = SOURCES[source](weights.state, weights.settings)
        package = _assemble(path, name or path.stem, weights, recipe, feature, normalise)
    except CheckpointError as error:
        raise CheckpointError(f'{path} as {source}: {error}') from error
    package.mean = weights.mean
    package.card = dict(
        summary=f'{recipe.architecture} converted from {source}',
        source=source,
        file=path.name,
        sha256=file_sha256(path),
    )
    if threshold is not None:
        package.threshold, package.threshold_source = threshold, 'given at conversion'
    return package


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with open(path, 'rb') as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _assemble(
    path: Path, name: str, weights: Weights, recipe: Recipe, feature: dict | None, normalise: str | None
) -> ModelPackage:
    config = recipe.config
    if feature is not None:
        config['data_preprocessor'] = {**config['data_preprocessor'], 'feature': feature}
    if normalise is not None:
        config['data_preprocessor'] = {**config['data_preprocessor'], 'normalise': normalise}
    with torch.random.fork_rng(devices=[]):  # building draws random weights; the caller's draws stay his
        model = MODELS.build(config)
    own = model.state_dict()
    source = {key: value for key, value in weights.state.items() if not key.startswith(recipe.ignored)}
    counts = {key for key in recipe.keys if key.endswith(COUNTER)}
    if not counts & source.keys():
        source |= {key: own[recipe.keys[key]] for key in counts if recipe.keys[key] in own}
    files.load_weights(model, rename_weights(source, recipe.keys, own), path)
    return ModelPackage(name, config, model.eval())
