"""The comparison table on simulated embeddings: every row is there, and calibration costs little."""

import csv
import importlib.util
from pathlib import Path

import numpy as np
import pytest

from svtoolkit.backends import EmbeddingTable
from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.trial_making import make_trials

TOOL = Path(__file__).parents[2] / 'tools/benchmarks/compare_backends.py'


@pytest.fixture(scope='module')
def tool():
    spec = importlib.util.spec_from_file_location('compare_backends', TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope='module')
def desk(tmp_path_factory):
    """Gaussian speakers, 40 to train and 20 to test, seen by two systems with noise of their own."""
    folder = tmp_path_factory.mktemp('compare')
    rng = np.random.default_rng(0)
    for part, speakers in (('train', 40), ('test', 20)):
        lines, voices = ['utt\tpath\tspeaker\tgender\tage\tduration'], []
        for speaker in range(speakers):
            voice = rng.normal(size=8)
            for number in range(6):
                name = f'{part}{speaker}-{number}'
                lines.append(
                    f'{name}\t{name}.wav\t{part}{speaker}\t{"fm"[speaker % 2]}\t{speaker // 2}\t{rng.uniform(1, 9):.2f}'
                )
                voices.append(voice)
        (folder / f'{part}.tsv').write_text('\n'.join(lines) + '\n')
        utts = list(Manifest.read(folder / f'{part}.tsv').utts)
        for system in ('a', 'b'):
            matrix = np.array(voices) + 0.9 * rng.normal(size=(len(utts), 8)) + 1.0
            EmbeddingTable(utts, matrix, system).save(folder / f'{system}_{part}.npz')
    make_trials(Manifest.read(folder / 'test.tsv'), impostors=8).write(folder / 'trials.txt')
    names = [f'train{speaker}' for speaker in range(40)]
    for number in range(2):
        (folder / f'part{number}.txt').write_text('\n'.join(names[number::2]) + '\n')
    return folder


def test_the_whole_table(tool, desk, capsys):
    common = ['--manifest', f'{desk}/train.tsv', '--test-manifest', f'{desk}/test.tsv']
    tool.main([
        *common, '--trials', f'list={desk}/trials.txt', '--rounds', '20', '--lda-dim', '6', '--topn', '10',
        '--system', f'a={desk}/a_test.npz:{desk}/a_train.npz', '--system', f'b={desk}/b_test.npz:{desk}/b_train.npz',
        '--heldout', f'{desk}/part0.txt', f'{desk}/part1.txt',
        '--like', 'list=gender', '--fold', f'a={desk}/a_train.npz', '--fold', f'a={desk}/a_train.npz', '--csv', f'{desk}/out.csv',
    ])  # fmt: skip
    with (desk / 'out.csv').open(newline='') as stream:
        rows = {(row['system'], row['scoring']): row for row in csv.DictReader(stream)}
    kinds = ('raw', 'centred', 'whitened + LDA + PLDA', 's', 'as1', 'as2')
    expected = {(system, kind + end) for system in 'ab' for kind in kinds for end in ('', ', calibrated')}
    expected |= {(system, 'as1, calibrated with length') for system in 'ab'}
    assert set(rows) == expected | {('a + b', 'as1, fused')}
    for key, row in rows.items():
        assert float(row['EER_low']) <= float(row['EER']) <= float(row['EER_high'])
        if key[1].endswith('calibrated'):
            assert (
                float(row['Cllr']) - float(row['minCllr']) < 0.2
            )  # 20 test speakers: the least value is low
            assert row['EER'] == rows[key[0], key[1].removesuffix(', calibrated')]['EER']
    fused = float(rows['a + b', 'as1, fused']['EER'])
    assert fused < min(float(rows[system, 'as1']['EER']) for system in 'ab')
    assert '| a + b | as1, fused | list |' in capsys.readouterr().out


def test_a_lesson_has_impostors_as_alike_as_asked(tool, desk):
    manifest = Manifest.read(desk / 'train.tsv')
    parts = [[f'train{speaker}' for speaker in range(40)][number::2] for number in range(2)]
    learn = tool.lesson(manifest, parts, 'gender,age:3')
    age, gender = (dict(zip(manifest.utts, manifest.extra[column])) for column in ('age', 'gender'))
    for part, trials in zip(parts, learn.trials):
        assert {name.split('-')[0] for name in trials.ids} == set(part)
        pairs = [(trials.ids[a], trials.ids[b]) for a, b in zip(trials.enrol, trials.test)]
        others = [pair for pair, same in zip(pairs, trials.label) if not same]
        assert {abs(int(age[a]) - int(age[b])) for a, b in others} == {1, 2, 3}
        assert all(gender[a] == gender[b] for a, b in others)
    with pytest.raises(SystemExit, match='no column room'):
        tool.main([
            '--manifest', f'{desk}/train.tsv', '--test-manifest', f'{desk}/test.tsv', '--trials',
            f'list={desk}/trials.txt', '--like', 'list=room', '--system', f'a={desk}/a_test.npz',
        ])  # fmt: skip


def test_faults_are_told_without_a_traceback(tool, desk):
    with pytest.raises(SystemExit, match='speakers of the trials are also in'):
        tool.main([
            '--manifest', f'{desk}/test.tsv', '--test-manifest', f'{desk}/test.tsv', '--trials',
            f'list={desk}/trials.txt', '--system', f'a={desk}/a_test.npz',
        ])  # fmt: skip
