"""The whole loop at the shell: lists, cohort, evaluation with tuning, calibration, blind test, report.

On a handful of real recordings where there are some, else on synthetic voices; the model is the tiny one,
so no error rate is asserted. Every fault a user can make has its own message and exit code 2.
"""

import csv
import json
import re
import warnings

import numpy as np
import pytest
from click.testing import CliRunner

from svtoolkit.backends import Cohort, EmbeddingTable
from svtoolkit.cli.main import main
from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.trial_making import make_trials


def run(*arguments, code=0):
    result = CliRunner().invoke(main, list(map(str, arguments)))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result.output


def some(manifest, speakers, utterances):
    """The first utterances of the first speakers."""
    owner = np.array(list(manifest.speakers))
    names = list(dict.fromkeys(owner.tolist()))[:speakers]
    return manifest.take(np.concatenate([np.flatnonzero(owner == name)[:utterances] for name in names]))


@pytest.fixture(scope='module')
def desk(request, tiny_corpus, tiny_model, tmp_path_factory):
    """A folder with a training list of 6 speakers and a test list of 4 others, with trials."""
    try:
        source = request.getfixturevalue('data_dir') / 'so762'
    except pytest.skip.Exception:
        source = tiny_corpus / 'so762'
    folder = tmp_path_factory.mktemp('desk')
    some(Manifest.read(source / 'train.tsv'), 6, 5).write(folder / 'all.tsv')
    test = some(Manifest.read(source / 'test.tsv'), 4, 3)
    test.write(folder / 'test.tsv')
    trials = make_trials(test, impostors=2)
    trials.write(folder / 'trials.txt')
    ids = trials.ids
    rows = [f'{ids[a]},{ids[b]}' for a, b in zip(trials.enrol, trials.test)]
    (folder / 'blind.csv').write_text('\n'.join(['audio_1,audio_2', *rows]) + '\n')
    return folder


@pytest.fixture(scope='module')
def loop(desk, tiny_model):
    """Lists, cohort and a tuned evaluation, made once."""
    run('make-lists', desk / 'all.tsv', '-o', desk / 'lists', '--seed', 1)
    run(
        'cohort',
        desk / 'lists/train.tsv',
        '-o',
        desk / 'cohort.npz',
        '--model',
        tiny_model,
        '--cache',
        desk / 'cache',
    )
    output = run(
        'evaluate', desk / 'lists/trials_valid.txt', *scoring(desk, tiny_model), '-o', desk / 'valid'
    )
    assert 'cohort entries are speakers of the trials' in output
    return desk


def scoring(desk, model, manifest='lists/valid.tsv', norm='as1'):
    """The options that must be alike when tuning and when testing."""
    return (
        '--model', model, '--manifest', desk / manifest, '--cohort', desk / 'cohort.npz', '--norm', norm,
        '--topn', 4, '--cache', desk / 'cache',
    )  # fmt: skip


def rows_of(path):
    with path.open(newline='') as stream:
        return list(csv.DictReader(stream))


def test_the_loop_from_lists_to_a_blind_test(loop, tiny_model):
    written = {path.name for path in (loop / 'valid').iterdir()}
    assert written == {
        'scores.tsv', 'metrics.json', 'threshold.json', 'evaluation_results.csv', 'false_rejected_pairs.txt',
        'false_accepted_pairs.txt', 'det.png', 'report.html', 'names.json',
    }  # fmt: skip
    rows = rows_of(loop / 'valid/evaluation_results.csv')
    assert list(rows[0]) == ['audio_1', 'audio_2', 'label', 'predict_label', 'score']
    assert len(rows) == 36
    threshold = json.loads((loop / 'valid/threshold.json').read_text())
    rejected = [row for row in rows if row['label'] == '1' and row['predict_label'] == '0']
    accepted = [row for row in rows if row['label'] == '0' and row['predict_label'] == '1']
    for name, wrong in (('rejected', rejected), ('accepted', accepted)):
        assert len((loop / f'valid/false_{name}_pairs.txt').read_text().splitlines()) == len(wrong)
    assert threshold['FRR'] == pytest.approx(len(rejected) / 18)
    assert (threshold['norm_mode'], threshold['topn'], threshold['criterion']) == ('as1', 4, 'eer')
    assert threshold['cohort_hash'] == Cohort.load(loop / 'cohort.npz').digest()

    fixed = ('--threshold', loop / 'valid/threshold.json')
    run(
        'score',
        loop / 'blind.csv',
        *scoring(loop, tiny_model, 'test.tsv'),
        *fixed,
        '-o',
        loop / 'out/test.csv',
    )
    verdicts = rows_of(loop / 'out/test.csv')
    assert list(verdicts[0]) == ['audio_1', 'audio_2', 'pred_label', 'score']
    for row in verdicts:
        assert int(row['pred_label']) == (float(row['score']) >= threshold['value'])

    output = run(
        'evaluate', loop / 'trials.txt', *scoring(loop, tiny_model, 'test.tsv'), *fixed, '-o', loop / 'test',
        '--rounds', 0, '--no-audio',
    )  # fmt: skip
    assert 'brought along' in output
    record = json.loads((loop / 'test/metrics.json').read_text())
    assert record['fixed_threshold']['value'] == threshold['value']
    truth = [row['predict_label'] for row in rows_of(loop / 'test/evaluation_results.csv')]
    assert truth == [row['pred_label'] for row in verdicts]


@pytest.mark.parametrize('criterion', ['eer', 'gmean', 'f1', 'mindcf', 'far=0.3'])
def test_every_criterion_tunes_a_threshold(criterion, loop, tiny_model, tmp_path):
    run(
        'evaluate', loop / 'lists/trials_valid.txt', *scoring(loop, tiny_model), '-o', tmp_path, '--no-report',
        '--criterion', criterion, '--p-target', 0.5, '--rounds', 0,
    )  # fmt: skip
    point = json.loads((tmp_path / 'threshold.json').read_text())
    assert point['criterion'].startswith(criterion.replace('mindcf', 'min_dcf').replace('=', '@'))
    assert np.isfinite(point['value'])
    if criterion.startswith('far'):
        assert point['FAR'] <= 0.3


def test_a_second_run_embeds_nothing(loop, tiny_model, monkeypatch, tmp_path):
    from svtoolkit.api import Embedder

    calls = []
    monkeypatch.setattr(Embedder, 'embed', lambda self, *args, **kwargs: calls.append(args))
    run('score', loop / 'lists/trials_valid.txt', *scoring(loop, tiny_model), '-o', tmp_path / 's.tsv')
    assert not calls
    first = (loop / 'valid/scores.tsv').read_text()
    assert (tmp_path / 's.tsv').read_text() == first


def test_ten_crops_have_their_own_threshold(loop, tiny_model, tmp_path):
    common = ('--model', tiny_model, '--manifest', loop / 'test.tsv', '--cache', loop / 'cache', '--crops', 3)
    cohort = ('--model', tiny_model, '--crops', 3, '--cache', loop / 'cache', '-o', tmp_path / 'c.npz')
    run('cohort', loop / 'lists/train.tsv', *cohort)
    run(
        'evaluate', loop / 'trials.txt', *common, '--cohort', tmp_path / 'c.npz', '-o', tmp_path / 'a', '--rounds', 0,
        '--no-report',
    )  # fmt: skip
    point = json.loads((tmp_path / 'a/threshold.json').read_text())
    assert (point['score_type'], point['crops']) == ('CropCosine', '3 x 4 s')
    run(
        'evaluate',
        loop / 'trials.txt',
        *common,
        '--distance',
        '-o',
        tmp_path / 'b',
        '--rounds',
        0,
        '--no-report',
    )
    assert json.loads((tmp_path / 'b/threshold.json').read_text())['score_type'] == 'CropDistance'
    output = run(
        'score',
        loop / 'blind.csv',
        *common,
        '--threshold',
        tmp_path / 'b/threshold.json',
        '-o',
        tmp_path / 'x',
        code=2,
    )
    assert "score_type is 'CropCosine' here, the threshold was tuned with 'CropDistance'" in output


def test_calibrate_then_score_with_likelihood_ratios(loop, tiny_model, tmp_path):
    output = run(
        'calibrate', loop / 'lists/trials_valid.txt', *scoring(loop, tiny_model), '-o', tmp_path / 'cal.npz',
        '--gallery', 5, '--fpir', 0.5, '--save-backend', tmp_path / 'chain.npz',
    )  # fmt: skip
    assert 'a gallery of 5: one stranger in 2' in output and 'warning: 18 non-target trials' in output
    options = ('--model', tiny_model, '--manifest', loop / 'test.tsv', '--cache', loop / 'cache')
    verdicts = ('--threshold', tmp_path / 'cal.threshold.json')
    run(
        'score', loop / 'trials.txt', *scoring(loop, tiny_model, 'test.tsv'), '--calibration', tmp_path / 'cal.npz',
        *verdicts, '-o', tmp_path / 'a.csv',
    )  # fmt: skip
    run(
        'score',
        loop / 'trials.txt',
        *options,
        '--backend',
        tmp_path / 'chain.npz',
        *verdicts,
        '-o',
        tmp_path / 'b.csv',
    )
    assert (tmp_path / 'a.csv').read_text() == (tmp_path / 'b.csv').read_text()
    run(
        'evaluate', loop / 'trials.txt', *options, '--backend', tmp_path / 'chain.npz', '-o', tmp_path / 'c',
        '--rounds', 0,
    )  # fmt: skip
    page = (tmp_path / 'c/report.html').read_text()
    assert 'Tippett' in page and 'Reliability' in page


def test_calibrate_from_a_score_file(loop, tmp_path):
    output = run('calibrate', loop / 'valid/scores.tsv', '--scores', '-o', tmp_path / 'cal.npz')
    assert '18 targets, 18 non-targets' in output
    point = json.loads((tmp_path / 'cal.threshold.json').read_text())
    assert point['score_type'].endswith('+ LogisticCalibration')
    assert point['fingerprint'] == json.loads((loop / 'valid/threshold.json').read_text())['fingerprint']


def test_the_report_needs_nothing_else_and_plays_the_errors(loop):
    output = run('report', loop / 'valid', '-o', loop / 'page.html', '--errors', 3)
    assert 'MB' in output
    page = (loop / 'page.html').read_text()
    assert not re.search(r'(src|href)="(?!data:audio|#)', page)
    assert '<script' not in page
    assert '<svg' in page
    wrong = [(loop / f'valid/false_{kind}_pairs.txt').read_text() for kind in ('rejected', 'accepted')]
    assert ('data:audio/flac;base64,' in page) == any(wrong)


def test_embeddings_and_a_fitted_backend_without_a_model(loop, tiny_model, tmp_path):
    for part in ('all', 'test'):
        run(
            'embed', '--manifest', loop / f'{part}.tsv', '--model', tiny_model, '-o', tmp_path / f'{part}.npz'
        )
    options = ('--embeddings', tmp_path / 'test.npz', '--manifest', loop / 'test.tsv')
    fit = (
        '--backend',
        'Centre+LengthNorm+Cosine',
        '--fit',
        loop / 'all.tsv',
        '--fit-embeddings',
        tmp_path / 'all.npz',
    )
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        run('evaluate', loop / 'trials.txt', *options, *fit, '-o', tmp_path / 'out', '--rounds', 20)
    record = json.loads((tmp_path / 'out/metrics.json').read_text())
    assert record['scoring'] == 'Centre + LengthNorm + Cosine'
    assert set(record['ci']['EER']) and record['num_speakers'] == 4


def fault(loop, model, *changes, trials='trials.txt'):
    """The message of ``evaluate`` on the test list with more or other options."""
    return run(
        'evaluate', loop / trials, '--model', model, '--manifest', loop / 'test.tsv', '--cache', loop / 'cache',
        '-o', loop / 'never', '--rounds', 0, *changes, code=2,
    )  # fmt: skip


class TestFaults:
    def test_speaker_leakage(self, loop, tiny_model):
        message = fault(loop, tiny_model, '--train', loop / 'test.tsv')
        speaker = Manifest.read(loop / 'test.tsv').speakers[0]
        assert '4 speakers of the trials are also in' in message and f'- {speaker}' in message
        run(
            'score', loop / 'trials.txt', '--model', tiny_model, '--manifest', loop / 'test.tsv', '--cache',
            loop / 'cache', '--train', loop / 'test.tsv', '--allow-leak', '-o', loop / 'leak.tsv',
        )  # fmt: skip

    def test_the_run_of_a_model_tells_its_speakers(self, tiny_corpus, tiny_model, tmp_path):
        listed = tiny_corpus / 'so762'
        options = ('--model', tiny_model, '--manifest', listed / 'train.tsv', '-o', tmp_path / 's.tsv')
        some(Manifest.read(listed / 'train.tsv'), 8, 1).write(tmp_path / 'few.tsv')
        make_trials(Manifest.read(tmp_path / 'few.tsv'), impostors=1).write(tmp_path / 'few.txt')
        output = run('score', tmp_path / 'few.txt', *options)
        assert 'trained on 6 of 8 speakers of the trials, such as s0' in output
        assert 'trained on' not in run('score', tmp_path / 'few.txt', *options, '--allow-leak')

    def test_a_missing_file(self, loop, tiny_model, tmp_path):
        listed = Manifest.read(loop / 'test.tsv')
        lines = (loop / 'test.tsv').read_text().splitlines()
        lines[1] = lines[1].replace(listed.paths[0], 'gone.wav')
        (tmp_path / 'gone.tsv').write_text('\n'.join(lines[:1] + [lines[1]]) + '\n')
        (tmp_path / 'one.txt').write_text(f'1 {listed.utts[0]} {listed.utts[0]}\n')
        options = ('--model', tiny_model, '--manifest', tmp_path / 'gone.tsv', '-o', tmp_path / 'x')
        message = run('score', tmp_path / 'one.txt', *options, code=2)
        assert '1 of 1 recordings do not exist' in message and 'gone.wav' in message

    def test_an_unknown_utterance(self, loop, tiny_model):
        (loop / 'unknown.txt').write_text('1 nobody nobody2\n0 nobody nobody2\n')
        message = fault(loop, tiny_model, trials='unknown.txt')
        assert 'lacks 2 of 2 utterances' in message and '- nobody2' in message

    def test_one_kind_of_trial(self, loop, tiny_model):
        first, second, *_ = Manifest.read(loop / 'test.tsv').utts
        (loop / 'one_class.txt').write_text(f'1 {first} {second}\n')
        assert 'no non-target (different-speaker) ones' in fault(loop, tiny_model, trials='one_class.txt')

    def test_scores_that_are_no_numbers(self, loop, tmp_path):
        lines = (loop / 'valid/scores.tsv').read_text().splitlines()
        lines[3] = re.sub(r'[^\t]+$', 'nan', lines[3])
        (tmp_path / 'bad.tsv').write_text('\n'.join(lines) + '\n')
        message = run('calibrate', tmp_path / 'bad.tsv', '--scores', '-o', tmp_path / 'c.npz', code=2)
        assert '1 of 36 scores are not finite' in message and "bad.tsv:4: score 'nan'" in message

    def test_embeddings_that_are_no_numbers(self, loop, tmp_path):
        utts = list(Manifest.read(loop / 'test.tsv').utts)
        matrix = np.ones((len(utts), 4), np.float32)
        matrix[2, 1] = np.nan
        np.savez(tmp_path / 't.npz', ids=np.array(utts), matrix=matrix, fingerprint=np.array('m'))
        options = ('--embeddings', tmp_path / 't.npz', '-o', tmp_path / 'x')
        message = run('evaluate', loop / 'trials.txt', *options, code=2)
        assert '1 embeddings hold NaN' in message and utts[2] in message

    def test_a_cohort_of_another_model(self, loop, tiny_model, tmp_path):
        cohort = Cohort.load(loop / 'cohort.npz')
        Cohort(cohort.matrix, cohort.speakers, 'another').save(tmp_path / 'c.npz')
        message = fault(loop, tiny_model, '--cohort', tmp_path / 'c.npz')
        assert "the cohort come from model 'another'" in message

    def test_more_neighbours_than_cohort(self, loop, tiny_model):
        message = fault(loop, tiny_model, '--cohort', loop / 'cohort.npz', '--topn', 7)
        assert 'topn=7, but the cohort has 6 entries' in message

    def test_cohort_scores_that_do_not_vary(self, loop, tiny_model, tmp_path):
        cohort = Cohort.load(loop / 'cohort.npz')
        alike = np.repeat(cohort.matrix[:1], 3, axis=0)
        Cohort(alike, ('x', 'y', 'z'), cohort.fingerprint).save(tmp_path / 'c.npz')
        message = fault(loop, tiny_model, '--cohort', tmp_path / 'c.npz', '--norm', 's')
        assert 'do not vary (sigma = 0)' in message

    def test_a_threshold_of_another_scoring(self, loop, tiny_model, tmp_path):
        fixed = ('--threshold', loop / 'valid/threshold.json')
        cohort = ('--cohort', loop / 'cohort.npz', '--topn', 4)
        message = fault(loop, tiny_model, *fixed)
        assert "norm_mode is 'none' here, the threshold was tuned with 'as1'" in message
        message = fault(loop, tiny_model, *fixed, *cohort, '--norm', 'az')
        assert "norm_mode is 'az' here" in message
        known = Cohort.load(loop / 'cohort.npz')
        Cohort(known.matrix[:5], known.speakers[:5], known.fingerprint).save(tmp_path / 'c.npz')
        message = fault(loop, tiny_model, *fixed, '--cohort', tmp_path / 'c.npz', '--topn', 4)
        assert 'cohort_hash' in message
        content = json.loads((loop / 'valid/threshold.json').read_text())
        (tmp_path / 't.json').write_text(json.dumps({**content, 'fingerprint': 'another'}))
        message = fault(loop, tiny_model, '--threshold', tmp_path / 't.json', *cohort, '--norm', 'as1')
        assert "tuned with 'another'" in message

    def test_files_that_are_something_else(self, loop, tiny_model, tmp_path):
        (tmp_path / 'x.npz').write_text('no table')
        EmbeddingTable(['a'], np.ones((1, 2))).save(tmp_path / 'table.npz')
        for option in ('--embeddings', '--cohort', '--calibration', '--backend'):
            message = fault(loop, tiny_model, option, tmp_path / 'x.npz')
            assert 'x.npz' in message
        assert 'not a cohort file' in fault(loop, tiny_model, '--cohort', tmp_path / 'table.npz')
        assert 'not a saved backend' in fault(loop, tiny_model, '--calibration', tmp_path / 'table.npz')
        assert 'holds no evaluation' in run('report', tmp_path, code=2)

    def test_choices_that_do_not_go_together(self, loop, tiny_model):
        assert 'needs a cohort' in fault(loop, tiny_model, '--norm', 'as1')
        assert '--crops 10' in fault(loop, tiny_model, '--distance')
        assert 'Did you mean' in fault(loop, tiny_model, '--backend', 'Cosin')
        assert '--fit' in fault(loop, tiny_model, '--backend', 'Centre+Cosine')
        assert 'threshold criterion' in fault(loop, tiny_model, '--criterion', 'best')
        message = run('evaluate', loop / 'trials.txt', '-o', loop / 'never', code=2)
        assert 'where are the recordings' in message
