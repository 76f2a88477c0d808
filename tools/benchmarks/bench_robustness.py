"""Error rates when the test recordings are noisy, in a room, or from a telephone; enrolments stay clean.

    python tools/benchmarks/bench_robustness.py MANIFEST TRIALS --model so762-resnet34 --model work_dirs/x --noise N.pack --rooms R.pack

Every unique test recording is degraded once, from the generator of its place in the list, alike for all models.
Cosine less the mean each model was published with; intervals from resampling speakers, 1,000 rounds.
"""

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from svtoolkit import api
from svtoolkit.audio import io
from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.transforms.add_noise import AddNoise
from svtoolkit.datasets.transforms.random_codec import RandomCodec
from svtoolkit.datasets.transforms.reverb import Reverb
from svtoolkit.datasets.trials import TrialList
from svtoolkit.metrics.intervals import speaker_bootstrap

Effect = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def conditions(noise: str | None, rooms: str | None) -> dict[str, Effect | None]:
    """What is done to a test recording, by name."""
    found: dict[str, Effect | None] = {'clean': None}
    if noise:
        for kind in ('noise', 'music', 'babble'):
            for snr_db in (10, 0):
                found[f'{kind}, {snr_db} dB'] = AddNoise(noise, kinds={kind: (snr_db, snr_db)})
    if rooms:
        found['room'] = Reverb(rooms)
    found['telephone'] = RandomCodec(kinds=('telephone',))
    return found


def embed(model: api.Embedder, waves: list[np.ndarray], effect: Effect | None) -> np.ndarray:
    """Unit vectors less the model's mean, [N, D]."""
    if effect is not None:
        waves = [effect(wave, np.random.default_rng([0, place])) for place, wave in enumerate(waves)]
    vectors = model.centre(model.embed([(wave, model.sample_rate) for wave in waves]))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@click.command()
@click.argument('manifest', type=click.Path(exists=True, path_type=Path))
@click.argument('trials', type=click.Path(exists=True, path_type=Path))
@click.option('--model', 'models', multiple=True, default=['so762-resnet34'], show_default=True)
@click.option('--noise', type=click.Path(exists=True), help='Pack with the kinds noise, music and babble.')
@click.option('--rooms', type=click.Path(exists=True), help='Pack of room responses.')
def main(manifest: Path, trials: Path, models: tuple[str, ...], noise: str | None, rooms: str | None) -> None:
    """Print one line for each model and condition."""
    listed = Manifest.read(manifest)
    pairs = TrialList.read(trials)
    row = {utt: number for number, utt in enumerate(listed.utts)}
    enrol, test = ([row[pairs.ids[i]] for i in side.tolist()] for side in (pairs.enrol, pairs.test))
    speakers = np.array(listed.speakers)
    click.echo('model\tcondition\tEER %\tlow\thigh')
    for name in models:
        model = api.load(name)
        waves = [io.read(listed.path(number), model.sample_rate) for number in range(len(listed.utts))]
        clean = embed(model, waves, None)
        for condition, effect in conditions(noise, rooms).items():
            heard = clean if effect is None else embed(model, waves, effect)
            scores = np.einsum('nd,nd->n', clean[enrol], heard[test])
            rate = speaker_bootstrap(scores, pairs.label, speakers[enrol], speakers[test], metrics=('EER',))[
                'EER'
            ]
            click.echo(
                f'{name}\t{condition}\t{100 * rate.value:.2f}\t{100 * rate.low:.2f}\t{100 * rate.high:.2f}'
            )


if __name__ == '__main__':
    main()
