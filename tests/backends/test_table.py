"""Embedding tables: names to rows, files without pickle, faults that name the utterances."""

import numpy as np
import pytest

from svtoolkit.backends import EmbeddingTable
from svtoolkit.errors import FingerprintError, UnknownNameError


@pytest.fixture
def table():
    return EmbeddingTable(['a', 'b', 'ü c'], np.arange(6.0).reshape(3, 2), 'model-1')


def test_rows_and_select_follow_the_order_asked_for(table):
    assert table.rows(['b', 'a', 'b']).tolist() == [1, 0, 1]
    chosen = table.select(['ü c', 'a'])
    assert chosen.ids == ['ü c', 'a']
    assert chosen.matrix.tolist() == [[4, 5], [0, 1]]
    assert chosen.fingerprint == 'model-1'
    assert table.matrix.dtype == np.float32
    assert 'b' in table
    assert len(table) == 3
    assert table.dim == 2


@pytest.mark.parametrize('name', ['t.npz', 't.npy'])
def test_saved_table_is_the_same(table, tmp_path, name):
    loaded = EmbeddingTable.load(table.save(tmp_path / name))
    assert loaded.ids == table.ids
    assert loaded.fingerprint == 'model-1'
    np.testing.assert_array_equal(loaded.matrix, table.matrix)
    assert isinstance(loaded.matrix, np.memmap) == name.endswith('.npy')
    assert not list(tmp_path.glob('.*'))  # no temporary files are left


def test_other_endings_and_other_files_are_refused(table, tmp_path):
    with pytest.raises(ValueError, match=r"\.npz or \.npy, not '\.txt'"):
        table.save(tmp_path / 't.txt')
    np.savez(tmp_path / 'x.npz', matrix=np.eye(2))
    with pytest.raises(ValueError, match='lacks fingerprint, ids'):
        EmbeddingTable.load(tmp_path / 'x.npz')


def test_pickled_objects_are_never_loaded(tmp_path):
    np.savez(
        tmp_path / 'x.npz', ids=np.array(['a', None], object), matrix=np.eye(2), fingerprint=np.array('')
    )
    with pytest.raises(ValueError, match='allow_pickle'):
        EmbeddingTable.load(tmp_path / 'x.npz')


def test_faults_name_the_utterances():
    with pytest.raises(ValueError, match=r'(?s)1 utterance names occur twice.*- a'):
        EmbeddingTable(['a', 'b', 'a'], np.eye(3))
    with pytest.raises(ValueError, match=r'(?s)1 embeddings hold NaN.*- b'):
        EmbeddingTable(['a', 'b'], np.array([[1.0], [np.nan]]))
    with pytest.raises(ValueError, match='3 ids and a matrix of shape'):
        EmbeddingTable(['a', 'b', 'c'], np.eye(2))


def test_all_missing_names_are_listed(table):
    with pytest.raises(UnknownNameError, match=r'(?s)2 of 3 utterances.*- x.*- y'):
        table.rows(['y', 'a', 'x'])


def test_another_model_is_refused(table):
    table.check_model('model-1', 'the cohort')
    table.check_model(None, 'the cohort')
    with pytest.raises(FingerprintError, match=r"'model-1'.*the cohort belongs to model 'model-2'"):
        table.check_model('model-2', 'the cohort')
    with pytest.raises(FingerprintError, match='unknown'):
        table.check_model('', 'the cohort')
