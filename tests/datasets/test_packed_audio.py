"""Datasets that take their waveforms from a pack: the same as from the files."""

import pickle

import numpy as np
import pytest

from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.packs import build_pack_from_files
from svtoolkit.datasets.random_speaker import RandomSpeakerDataset
from svtoolkit.datasets.utterances import UtteranceDataset
from svtoolkit.errors import ConfigError, ManifestError


@pytest.fixture(scope='module')
def pack(corpus, tmp_path_factory) -> str:
    manifest = Manifest.read(corpus)
    files = [(utt, 'speech', manifest.path(row)) for row, utt in enumerate(manifest.utts)][::-1]
    return str(build_pack_from_files(tmp_path_factory.mktemp('pack') / 'speech.pack', files, 16000).path)


@pytest.fixture
def away(corpus, tmp_path):
    """The list without its recordings."""
    (tmp_path / 'list.tsv').write_text(corpus.read_text())
    return tmp_path / 'list.tsv'


def test_crops_are_those_of_the_files(corpus, away, pack):
    options = dict(frames=20, speeds=(1.0, 0.9), seed=1)
    files, packed = (
        RandomSpeakerDataset(str(corpus), **options),
        RandomSpeakerDataset(str(away), pack=pack, **options),
    )
    for draw in files.plan(0, 5).draws(np.arange(10), 0, 1):
        assert np.array_equal(files[draw]['inputs'], packed[draw]['inputs'])
        assert files[draw]['data_samples'] == packed[draw]['data_samples']
    assert np.array_equal(files[4]['inputs'], packed[4]['inputs'])


def test_whole_utterances(corpus, away, pack):
    files, packed = UtteranceDataset(str(corpus)), UtteranceDataset(str(away), pack=pack)
    assert files.plan(0, 4).num_samples.tolist() == packed.plan(0, 4).num_samples.tolist()
    assert np.array_equal(files[3]['inputs'], packed[3]['inputs'])
    assert not (away.parent / 'list.tsv.dur.json').exists()


def test_a_dataset_travels_to_workers(away, pack):
    dataset = RandomSpeakerDataset(str(away), frames=20, pack=pack, pipeline=[dict(type='RandomGain')])
    draw = dataset.plan(0, 5).draws(np.array([3]), 0, 0)[0]
    expected = dataset[draw]['inputs']
    assert np.array_equal(pickle.loads(pickle.dumps(dataset))[draw]['inputs'], expected)


def test_packs_that_do_not_fit(away, pack, uneven):
    with pytest.raises(ConfigError, match='16000 Hz, wanted 8000 Hz'):
        RandomSpeakerDataset(str(away), sample_rate=8000, pack=pack)
    with pytest.raises(ManifestError, match=r"16 utterances are not in this pack[\s\S]*'s1-u2'"):
        RandomSpeakerDataset(str(uneven), pack=pack)


def test_wrong_sounds_show_when_the_dataset_is_built(corpus, tmp_path):
    with pytest.raises(ManifestError, match=r'none\.pack'):
        RandomSpeakerDataset(str(corpus), pipeline=[dict(type='AddNoise', pack=str(tmp_path / 'none.pack'))])
