"""The page and its parts on made-up scores: numbers, slices, the worst part, pictures and sound."""

import base64
import html
import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from svtoolkit.backends import Chain, Cosine, EmbeddingTable, LogisticCalibration
from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.trial_making import make_trials
from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ManifestError
from svtoolkit.evaluation import plots
from svtoolkit.evaluation.comparing import compare, verdict
from svtoolkit.evaluation.decisions import read_scores, tune, write_results
from svtoolkit.evaluation.hard_errors import Player, clips_for, hardest, slice_columns
from svtoolkit.evaluation.protocol import evaluate, read_evaluation
from svtoolkit.evaluation.report import write_report
from svtoolkit.evaluation.scoring import scoring_record


@pytest.fixture(scope='module')
def desk(tmp_path_factory):
    """A manifest of 8 speakers with 6 short recordings, its trials, and embeddings: women are harder."""
    folder = tmp_path_factory.mktemp('report')
    rng = np.random.default_rng(0)
    lines, rows = ['utt\tpath\tspeaker\tgender\tsnr\tduration\tsentence'], []
    for speaker in range(8):
        centre = rng.normal(size=6)
        for number in range(6):
            name = f's{speaker}-{number}'
            soundfile.write(folder / f'{name}.wav', 0.1 * rng.normal(size=16000), 16000)
            gender = 'mf'[speaker % 2]
            lines.append(f'{name}\t{name}.wav\ts{speaker}\t{gender}\t{speaker * 6 + number}\t1\t<&{name}>')
            rows.append(centre + (1.6 if gender == 'f' else 0.3) * rng.normal(size=6))
    (folder / 'list.tsv').write_text('\n'.join(lines) + '\n')
    manifest = Manifest.read(folder / 'list.tsv')
    table = EmbeddingTable(list(manifest.utts), np.array(rows), 'abc<1>')
    return folder, manifest, table, make_trials(manifest, impostors=10)


@pytest.fixture(scope='module')
def found(desk):
    _, manifest, table, trials = desk
    backend = Chain([Cosine(), LogisticCalibration()]).fit(table, list(manifest.speakers))
    backend.calibrate(table, trials)
    speakers = dict(zip(manifest.utts, manifest.speakers))
    return evaluate('a <list>', table, trials, backend, speakers, rounds=50)


def test_the_page_holds_figures_slices_pictures_and_sound(desk, found, tmp_path):
    _, manifest, *_ = desk
    page = write_report(found, tmp_path / 'r.html', [manifest], rounds=20).read_text()
    assert f'{100 * found.summary["EER"]:.2f} %' in page
    assert 'a &lt;list&gt;' in page and '<list>' not in page
    assert html.escape(found.fingerprint) in page
    assert 'Worst part: <strong>gender = f</strong>' in page
    assert page.count('<svg ') == 5
    assert 'data:audio/flac;base64,' in page
    silent = write_report(found, tmp_path / 's.html', [manifest], audio=False, rounds=0).read_text()
    assert 'data:audio' not in silent
    assert 'No columns' in write_report(found, tmp_path / 'n.html').read_text()


def test_an_evaluation_survives_its_folder(desk, found, tmp_path):
    again = read_evaluation(found.write(tmp_path / 'out'))
    assert again.summary == found.summary
    assert again.threshold == found.threshold
    assert again.speakers == found.speakers
    assert (again.trials.label == found.trials.label).all()
    np.testing.assert_allclose(again.scores, found.scores, atol=1e-6)


def test_two_systems_are_compared_on_the_same_draws(desk, found, tmp_path):
    _, manifest, table, trials = desk
    order = np.random.default_rng(0).permutation(len(trials))
    shuffled = TrialList(trials.ids, trials.enrol[order], trials.test[order], trials.label[order])
    worse = table.with_matrix(table.matrix + 2 * np.random.default_rng(1).normal(size=table.matrix.shape))
    other = evaluate(
        'other', worse, shuffled, Cosine(), dict(zip(manifest.utts, manifest.speakers)), rounds=0
    )
    comparison = compare(found, other, rounds=100)
    assert set(comparison.changes) == {'EER', 'minDCF_p01', 'minDCF_p05', 'minCllr'}  # a cosine has no Cllr
    change = comparison.changes['EER']
    assert (change.a, change.b) == (found.summary['EER'], other.summary['EER'])
    assert comparison.lines()[0].endswith('better') and verdict(change) == 'better'
    back = compare(other, found, rounds=100).changes['EER']
    assert back.difference == -change.difference and verdict(back) == 'worse'
    itself = compare(found, found, rounds=10)
    assert {'Cllr', 'actDCF_p05'} < set(itself.changes)
    assert {verdict(change) for change in itself.changes.values()} == {'no difference shown'}
    page = write_report(found, tmp_path / 'c.html', rounds=0, comparison=comparison).read_text()
    assert 'Against Cosine' in page and comparison.rows()[0][4] in page


def test_other_trials_cannot_be_compared(desk, found):
    _, _, table, trials = desk
    fewer = TrialList(trials.ids, trials.enrol[:-1], trials.test[:-1], trials.label[:-1])
    other = evaluate('other', table, fewer, Cosine(), rounds=0)
    with pytest.raises(
        ManifestError, match=r'the same trials; in one list only are 1 pairs:\n  - .* \(here\)'
    ):
        compare(found, other)
    with pytest.raises(ManifestError, match='needs labels and the speakers'):
        compare(other, found)


def test_columns_of_trials(desk):
    _, manifest, _, trials = desk
    columns = slice_columns([manifest], trials)
    assert set(columns) == {'gender', 'snr', 'shorter side, s'}  # a sentence per recording is no slice
    assert set(columns['gender']) == {'f', 'm', 'f / m'}
    assert set(columns['shorter side, s']) == {'<2'}
    assert len(set(columns['snr'])) <= 10


def test_the_hardest_errors_come_first():
    trials = TrialList(list('abcdef'), np.arange(6), np.arange(6), np.array([1, 1, 1, 0, 0, 0], bool))
    scores = np.array([0.1, 0.9, -0.3, 0.2, 0.8, -1.0])
    assert hardest(trials, scores, 0.15, missed=True, count=5) == [2, 0]
    assert hardest(trials, scores, 0.15, missed=False, count=5) == [4, 3]
    assert hardest(trials, scores, 0.15, missed=False, count=1) == [4]


def test_sound_is_bounded(desk):
    _, manifest, *_ = desk
    clips = clips_for([manifest], ['s0-0', 's0-1', 'nobody'])
    assert set(clips) == {'s0-0', 's0-1'}
    player = Player(clips, seconds=0.5, budget=40_000)
    text = player.sound('s0-0')
    wave, rate = soundfile.read(io.BytesIO(base64.b64decode(text.partition(',')[2])))
    assert (len(wave), rate) == (8000, 16000)
    assert player.sound('s0-1') is not None
    player = Player(clips, budget=100)
    assert player.sound('s0-0') is None
    assert player.sound('nobody') is None


def test_every_picture_is_drawn(found, tmp_path):
    scores, label = found.scores, found.trials.label
    systems = {'one': (scores, label), 'two': (-scores, label)}
    plots.plot_det(systems, tmp_path / 'det.svg')
    plots.plot_roc(systems, tmp_path / 'roc.png')
    plots.plot_histogram(scores, label, tmp_path / 'histogram.png', 0.0)
    plots.plot_reliability(scores, label, tmp_path / 'reliability.svg')
    plots.plot_tippett(scores, label, tmp_path / 'tippett.png')
    assert all(path.stat().st_size > 2000 for path in tmp_path.iterdir())
    assert len(list(tmp_path.iterdir())) == 5


def test_svg_takes_the_colour_of_the_page_and_is_always_the_same(found):
    label = found.trials.label

    def draw(axes):
        plots.draw_histogram(axes, found.scores, label, None)

    text = plots.svg(draw, 'Scores')
    assert 'currentColor' in text and plots.INK not in text
    assert text == plots.svg(draw, 'Scores')


def test_a_curve_of_many_points_stays_small():
    rng = np.random.default_rng(1)
    label = np.arange(60_000) < 20_000
    scores = rng.normal(size=60_000) + 2 * label
    text = plots.svg(lambda axes: plots.draw_det(axes, {'x': (scores, label)}), 'DET')
    assert len(text) < 150_000


def test_a_list_without_labels_has_no_report(desk, tmp_path):
    _, _, table, trials = desk
    blind = TrialList(trials.ids, trials.enrol, trials.test)
    result = evaluate('blind', table, blind, Cosine())
    assert result.threshold is None and result.line().endswith('no labels')
    with pytest.raises(ManifestError, match='no labels'):
        write_report(result, tmp_path / 'x.html')


def test_wrong_pairs_are_sorted_worst_first(tmp_path):
    trials = TrialList(
        ['a,b', 'c', 'd'], np.array([0, 0, 1, 1]), np.array([1, 2, 2, 0]), np.array([1, 1, 0, 0], bool)
    )
    scores = np.array([0.2, -0.5, 0.9, 0.7])
    write_results(tmp_path, trials, scores, 0.5)
    assert (tmp_path / 'false_rejected_pairs.txt').read_text() == 'a,b\td\t-0.500000\na,b\tc\t0.200000\n'
    assert (tmp_path / 'false_accepted_pairs.txt').read_text() == 'c\td\t0.900000\nc\ta,b\t0.700000\n'
    again, values = read_scores(tmp_path / 'evaluation_results.csv')
    assert again.ids == trials.ids and values.tolist() == scores.tolist()


def test_far_at_one_percent_holds_on_fresh_impostors():
    rng = np.random.default_rng(5)
    scores = np.concatenate([rng.normal(size=100_000), rng.normal(4, 1, 1000)])
    label = np.arange(len(scores)) >= 100_000
    point = tune(scores, label, scoring_record(Cosine(), 'm'), 'far=1%')
    fresh = rng.normal(size=100_000) >= point.value
    assert 0.0085 <= fresh.mean() <= 0.0115


def test_recordings_that_cannot_be_read_are_named(desk, found, tmp_path):
    _, manifest, *_ = desk
    lines = [line.replace('.wav', '.gone') for line in Path(manifest.source).read_text().splitlines()]
    (tmp_path / 'moved.tsv').write_text('\n'.join(lines) + '\n')
    page = write_report(
        found, tmp_path / 'r.html', [Manifest.read(tmp_path / 'moved.tsv')], rounds=0
    ).read_text()
    assert 'Not readable: ' in page and '.gone' in page and 'data:audio' not in page
