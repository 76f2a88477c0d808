import pickle

import numpy as np
import pytest

from svtoolkit.datasets.columns import CategoryColumn, StringColumn

WORDS = ['b', '', 'Größe', 'a b', '声纹', 'b']


def test_string_column_reads_like_a_list():
    column = StringColumn.of(iter(WORDS))
    assert list(column) == WORDS
    assert column == WORDS
    assert [column[i] for i in range(-6, 6)] == WORDS + WORDS
    assert column[1:4] == WORDS[1:4]
    assert column.take(np.array([4, 0, 4])) == ['声纹', 'b', '声纹']
    assert 'a b' in column
    assert 'a' not in column
    assert len(StringColumn.of([])) == 0
    with pytest.raises(IndexError):
        column[6]


def test_repeats_name_the_first_row():
    assert StringColumn.of(['x', 'y', 'x', 'z', 'y', 'x']).repeats() == [(2, 0), (4, 1), (5, 0)]


def test_string_column_pickles_small():
    names = [f'id{i:05d}/video/{i:05d}.wav' for i in range(10000)]
    column = pickle.loads(pickle.dumps(StringColumn.of(names)))
    assert column == names
    assert len(pickle.dumps(column)) < sum(map(len, names)) + 8 * len(names) + 1000


def test_categories_are_numbered_by_first_appearance():
    column = CategoryColumn.of(['z', 'a', 'z', 'm'])
    assert column.names == ['z', 'a', 'm']
    assert column.codes.tolist() == [0, 1, 0, 2]
    assert list(column) == ['z', 'a', 'z', 'm']


def test_taken_categories_forget_unused_names():
    column = CategoryColumn.of(['z', 'a', 'z', 'm']).take(np.array([3, 1, 3]))
    assert column.names == ['m', 'a']
    assert list(column) == ['m', 'a', 'm']
