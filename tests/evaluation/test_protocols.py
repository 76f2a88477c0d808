"""Every public form of trial list and enrolment map, and the check for speakers on both sides."""

import numpy as np
import pytest

from svtoolkit.errors import ManifestError, UnknownNameError
from svtoolkit.evaluation.protocols import (
    VOXCELEB_SIZES,
    check_leak,
    read_enrolments,
    read_protocol,
    read_trials,
    speakers_of,
)


def write(path, *lines):
    path.write_text('\n'.join(lines) + '\n')
    return path


def pairs(trials):
    ids = trials.ids
    label = [None] * len(trials) if trials.label is None else trials.label.tolist()
    return [(same, ids[a], ids[b]) for same, a, b in zip(label, trials.enrol, trials.test)]


FORMS = {
    'voxceleb': ('t.txt', ['1 id1/a.wav id1/b.wav', '0 id1/a.wav id2/c.wav']),
    'cnceleb': ('t.lst', ['id1/a.wav id1/b.wav 1', 'id1/a.wav id2/c.wav 0']),
    'sitw': ('t.lst', ['id1/a.wav id1/b.wav tgt', 'id1/a.wav id2/c.wav imp']),
    'kaldi': ('trials', ['id1/a.wav id1/b.wav target', 'id1/a.wav id2/c.wav nontarget']),
    'sre': (
        'key.tsv',
        ['modelid\tsegmentid\tside\ttargettype', 'id1/a.wav\tid1/b.wav\ta\ttarget', 'id1/a.wav\tid2/c.wav\ta\tnontarget'],
    ),
    'clova': ('valid.csv', ['label,audio1,audio2', '1,id1/a.wav,id1/b.wav', '0,id1/a.wav,id2/c.wav']),
    'results': (
        'r.csv',
        ['audio_1,audio_2,label,predict_label,score', 'id1/a.wav,id1/b.wav,1,1,.5', 'id1/a.wav,id2/c.wav,0,0,.1'],
    ),
}  # fmt: skip


@pytest.mark.parametrize('form', FORMS)
def test_every_labelled_form_reads_alike(form, tmp_path):
    name, lines = FORMS[form]
    trials = read_trials(write(tmp_path / name, *lines))
    assert pairs(trials) == [(True, 'id1/a.wav', 'id1/b.wav'), (False, 'id1/a.wav', 'id2/c.wav')]


@pytest.mark.parametrize(
    ('name', 'lines'),
    [
        ('blind.txt', ['a.wav b.wav', 'a.wav c.wav']),
        ('test.csv', ['first,second,comment', 'a.wav,b.wav,x', 'a.wav,c.wav,y']),
        ('test.tsv', ['modelid\tsegmentid\tside', 'a.wav\tb.wav\ta', 'a.wav\tc.wav\ta']),
    ],
)
def test_blind_lists_have_no_labels(name, lines, tmp_path):
    trials = read_trials(write(tmp_path / name, *lines))
    assert pairs(trials) == [(None, 'a.wav', 'b.wav'), (None, 'a.wav', 'c.wav')]


def test_all_bad_lines_are_named(tmp_path):
    path = write(tmp_path / 't.txt', '1 a b', '2 a b', '1 a', '0 a c')
    with pytest.raises(ManifestError, match=r'2 lines') as caught:
        read_trials(path)
    assert f'{path}:2:' in str(caught.value) and f'{path}:3:' in str(caught.value)


def test_missing_and_empty_lists(tmp_path):
    with pytest.raises(ManifestError, match='cannot be read'):
        read_trials(tmp_path / 'no.txt')
    with pytest.raises(ManifestError, match='empty'):
        read_trials(write(tmp_path / 'e.txt', ''))
    with pytest.raises(ManifestError, match='is no trial'):
        read_trials(write(tmp_path / 'w.txt', 'a b c d'))


ENROLMENTS = {
    'one line each': ('enroll.lst', ['m1 a.wav', 'm1 b.wav', 'm2 c.wav']),
    'several in a line': ('enroll.map', ['m1 a.wav b.wav', 'm2 c.wav']),
    'sre table': ('enrollment.tsv', ['modelid\tsegmentid\tside', 'm1\ta.wav\ta', 'm1\tb.wav\ta', 'm2\tc.wav\ta']),
}  # fmt: skip


@pytest.mark.parametrize('form', ENROLMENTS)
def test_enrolment_maps_read_alike(form, tmp_path):
    name, lines = ENROLMENTS[form]
    assert read_enrolments(write(tmp_path / name, *lines)) == {'m1': ('a.wav', 'b.wav'), 'm2': ('c.wav',)}


def test_models_stand_for_their_utterances(tmp_path):
    trials = write(tmp_path / 'trials.lst', 'm1 x.wav 1', 'm2 x.wav 0')
    enrol = write(tmp_path / 'enroll.map', 'm1 a.wav b.wav', 'm2 c.wav', 'm3 d.wav')
    protocol = read_protocol(trials, enrol, 'cnceleb')
    assert protocol.models == {'m1': ('a.wav', 'b.wav'), 'm2': ('c.wav',)}
    assert protocol.utterances() == ['a.wav', 'b.wav', 'x.wav', 'c.wav']
    speakers = speakers_of(protocol, {'a.wav': 's1', 'b.wav': 's1', 'c.wav': 's2', 'x.wav': 's1'})
    assert speakers == {'m1': 's1', 'm2': 's2', 'x.wav': 's1'}


def test_models_need_a_map_that_knows_them(tmp_path):
    trials = write(tmp_path / 'trials.lst', 'm1 x.wav 1', 'm9 x.wav 0')
    with pytest.raises(ManifestError, match='enrolment map'):
        read_protocol(trials, name='sitw')
    with pytest.raises(ManifestError, match='m9'):
        read_protocol(trials, write(tmp_path / 'e', 'm1 a.wav'), 'sitw')
    with pytest.raises(ManifestError, match='names no utterance'):
        read_enrolments(write(tmp_path / 'f', 'm1'))
    with pytest.raises(ManifestError, match='cut marks'):
        read_enrolments(write(tmp_path / 'g', 'm1 a.flac 10.5 20.25'))


def test_an_unknown_protocol_is_answered_with_the_nearest(tmp_path):
    with pytest.raises(UnknownNameError, match="'vox1-o'"):
        read_protocol(tmp_path / 'x', name='vox-o')


@pytest.mark.parametrize('edition', [0, 1])
def test_voxceleb_lists_are_told_by_their_size(edition, tmp_path):
    count = VOXCELEB_SIZES['vox1-o'][edition]
    lines = [f'{n % 2} id10270/v/{n}.wav id1030{n % 2}/v/x.wav' for n in range(count)]
    protocol = read_protocol(write(tmp_path / 'veri.txt', *lines), name='vox1-o')
    assert protocol.name == f'vox1-o ({("original", "cleaned")[edition]})'
    speakers = speakers_of(protocol)
    assert set(speakers.values()) == {'id10270', 'id10300', 'id10301'}
    with pytest.raises(ManifestError, match=f'{count - 1} trials'):
        read_protocol(write(tmp_path / 'cut.txt', *lines[1:]), name='vox1-o')


def test_a_leak_names_the_speakers():
    check_leak(['a', 'b'], ['c'])
    with pytest.raises(ManifestError, match='2 speakers') as caught:
        check_leak(['a', 'b', 'c', ''], ['c', 'b', ''], 'the cohort')
    assert '- b' in str(caught.value) and '- c' in str(caught.value) and 'the cohort' in str(caught.value)


def test_the_real_lists(data_dir):
    for name in ('random', 'hard'):
        protocol = read_protocol(data_dir / f'so762/trials_{name}.txt', name='so762')
        assert len(protocol.trials) == 5544 + 16128
        assert int(np.sum(protocol.trials.label)) == 5544
