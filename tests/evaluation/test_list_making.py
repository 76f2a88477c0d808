"""List generation: the split ratio, balanced pairs, and the same bytes for the same seed."""

import csv

import numpy as np
import pytest

from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ConfigError, ManifestError
from svtoolkit.evaluation.list_making import split_corpus, write_lists

FILES = ('train.csv', 'valid.csv', 'train.tsv', 'valid.tsv', 'trials_valid.txt')


@pytest.fixture
def corpus(tmp_path):
    """Five speakers with 8 recordings, one with 3, shuffled; the files need not exist."""
    rows = [(f's{s}', u) for s in range(5) for u in range(8)] + [('few', u) for u in range(3)]
    order = np.random.default_rng(3).permutation(len(rows))
    text = ['utt\tpath\tspeaker\tduration']
    text += [f'{s}-{u}\t{s}/{u}.flac\t{s}\t{1 + 0.1 * u:.1f}' for s, u in (rows[place] for place in order)]
    (tmp_path / 'all.tsv').write_text('\n'.join(text) + '\n')
    return Manifest.read(tmp_path / 'all.tsv')


def test_minus_one_takes_exactly_three_of_each_speaker(corpus):
    split = split_corpus(corpus, -1)
    speakers = np.array(list(split.valid.speakers))
    assert {name: int((speakers == name).sum()) for name in set(speakers)} == {f's{s}': 3 for s in range(5)}
    assert not set(split.valid.utts) & set(split.train.utts)
    assert len(split.train) + len(split.valid) == len(corpus)


def test_five_speakers_give_15_and_15_pairs_in_turn(corpus):
    split = split_corpus(corpus, -1)
    trials = split.trials
    assert trials.label.tolist() == [True, False] * 15
    owner = np.array(list(split.valid.speakers))
    same = owner[trials.enrol] == owner[trials.test]
    assert (same == trials.label).all()
    assert (trials.enrol[0::2] == trials.enrol[1::2]).all()
    positives = {frozenset(pair) for pair in zip(trials.enrol[0::2], trials.test[0::2])}
    assert len(positives) == 15


def test_a_speaker_with_fewer_than_four_files_is_reported(corpus):
    split = split_corpus(corpus, -1)
    assert split.too_few == {'few': 3}
    assert 'few (3)' in split.report()
    assert [name for name in split.train.utts if name.startswith('few')] == ['few-0', 'few-1', 'few-2']


def test_a_ratio_takes_its_whole_part(corpus):
    split = split_corpus(corpus, 0.3)  # int(0.3 * 8) = 2, int(0.3 * 3) = 0
    speakers = list(split.valid.speakers)
    assert {name: speakers.count(name) for name in speakers} == {f's{s}': 2 for s in range(5)}
    assert split.too_few == {'few': 3}


def test_same_seed_same_bytes_whatever_the_order_of_the_list(corpus, tmp_path):
    for folder, manifest in (('a', corpus), ('b', corpus.take(np.arange(len(corpus))[::-1]))):
        write_lists(split_corpus(manifest, -1, seed=7), tmp_path / folder)
    write_lists(split_corpus(corpus, -1, seed=8), tmp_path / 'c')
    for name in FILES:
        assert (tmp_path / 'a' / name).read_bytes() == (tmp_path / 'b' / name).read_bytes()
    assert (tmp_path / 'a/valid.csv').read_bytes() != (tmp_path / 'c/valid.csv').read_bytes()


def test_the_files_have_the_columns_of_the_trainer(corpus, tmp_path):
    split = split_corpus(corpus, -1)
    write_lists(split, tmp_path / 'lists')
    with (tmp_path / 'lists/train.csv').open(newline='') as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ['ID', 'path', 'duration', 'audio_format']
    assert rows[1][1].startswith('../few/') and rows[1][3] == 'flac'
    with (tmp_path / 'lists/valid.csv').open(newline='') as stream:
        pairs = list(csv.reader(stream))
    assert pairs[0] == ['label', 'audio1', 'audio2']
    assert len(pairs) == 31
    again = TrialList.read(tmp_path / 'lists/trials_valid.txt')
    assert (again.label == split.trials.label).all()
    assert len(Manifest.read(tmp_path / 'lists/train.tsv')) == len(split.train)


def test_short_recordings_are_left_out_and_counted(corpus):
    split = split_corpus(corpus, -1, min_duration_s=1.05)
    assert len(split.short) == 6
    assert 'too short' in split.report()


def test_what_cannot_work_is_refused(corpus):
    with pytest.raises(ConfigError, match='split_ratio=2'):
        split_corpus(corpus, 2)
    with pytest.raises(ManifestError, match='2 are needed'):
        split_corpus(corpus.select(include_speakers=['s0', 'few']), -1)
