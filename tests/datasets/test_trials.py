import numpy as np
import pytest

from svtoolkit.datasets.trials import TrialList
from svtoolkit.errors import ManifestError


def write(folder, text, name='trials.txt'):
    path = folder / name
    path.write_text(text, encoding='utf-8')
    return path


@pytest.mark.parametrize(
    'text, name',
    [
        ('1 a b\n0 a c\n\n1 c b\n', 'trials.txt'),
        ('target a b\nnontarget a c\ntarget c b', 'trials.txt'),
        ('a b target\na c nontarget\nc b target\n', 'trials.txt'),
        ('1\ta\tb\n0\ta\tc\n1\tc\tb\n', 'trials.txt'),
        ('label,enrol,test\n1,a,b\n0,a,c\n1,c,b\n', 'trials.csv'),
        ('\ufeff1 a b\r\n0 a c\r\n1 c b\r\n', 'trials.txt'),
    ],
)
def test_forms(tmp_path, text, name):
    trials = TrialList.read(write(tmp_path, text, name))
    assert trials.ids == ['a', 'b', 'c']
    assert trials.enrol.tolist() == [0, 0, 2]
    assert trials.test.tolist() == [1, 2, 1]
    assert trials.label.tolist() == [True, False, True]
    assert trials.enrol.dtype == trials.test.dtype == np.int64


def test_without_labels(tmp_path):
    trials = TrialList.read(write(tmp_path, 'a b\nb c\n'))
    assert trials.label is None
    assert len(trials) == 2


def test_ids_with_blanks_need_tabs(tmp_path):
    assert TrialList.read(write(tmp_path, '1\tmy file.wav\tb\n')).ids == ['my file.wav', 'b']


def test_all_bad_lines_in_one_message(tmp_path):
    path = write(tmp_path, '1 a b\n2 a c\n0 a c\n1 a\n0 a b c\n')
    with pytest.raises(ManifestError) as error:
        TrialList.read(path)
    assert '3 lines are not "label enrol test"' in str(error.value)
    for line in (f"{path}:2: '2 a c'", f"{path}:4: '1 a'", f"{path}:5: '0 a b c'"):
        assert line in str(error.value)


@pytest.mark.parametrize(
    'text, message', [('', 'empty'), ('maybe a b\n', ':1: .maybe a b. is no trial'), ('a\n', 'is no trial')]
)
def test_unreadable_lists(tmp_path, text, message):
    with pytest.raises(ManifestError, match=message):
        TrialList.read(write(tmp_path, text))


def test_missing_and_binary_lists(tmp_path):
    with pytest.raises(ManifestError, match='no such trial list'):
        TrialList.read(tmp_path / 'none.txt')
    (tmp_path / 'binary.txt').write_bytes(b'\xff\xfe1 a b')
    with pytest.raises(ManifestError, match='not UTF-8'):
        TrialList.read(tmp_path / 'binary.txt')


def test_subset_forgets_unused_ids(tmp_path):
    trials = TrialList.read(write(tmp_path, '1 a b\n0 a c\n1 c d\n')).subset(np.array([False, True, True]))
    assert trials.ids == ['a', 'c', 'd']
    assert (trials.enrol.tolist(), trials.test.tolist()) == ([0, 1], [1, 2])
    assert trials.label.tolist() == [False, True]


@pytest.mark.parametrize('text', ['1 a b\n0 a c\n', 'a b\nc b\n', '1\ta a\tb\n0\tb\tc\n'])
def test_write_and_read_agree(tmp_path, text):
    trials = TrialList.read(write(tmp_path, text))
    trials.write(tmp_path / 'new' / 'again.txt')
    again = TrialList.read(tmp_path / 'new' / 'again.txt')
    assert (tmp_path / 'new' / 'again.txt').read_text() == text
    assert again.ids == trials.ids
    assert again.enrol.tolist() == trials.enrol.tolist()
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['again.txt']


def test_real_list(data_dir):
    trials = TrialList.read(data_dir / 'so762' / 'trials_hard.txt')
    assert (len(trials), int(trials.label.sum()), len(trials.ids)) == (21672, 5544, 1008)  # data/README.md
