"""Fixtures for every test: where the real recordings are, and one thread so that runs agree."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def find_data() -> Path | None:
    """The folder with so762, libri and noise: $SVTOOLKIT_DATA, data/, or ../shared/data."""
    places = [os.environ.get('SVTOOLKIT_DATA', ''), ROOT / 'data', ROOT.parent / 'shared' / 'data']
    for place in map(Path, filter(None, places)):
        if (place / 'so762' / 'train.tsv').is_file():
            return place
    return None


@pytest.fixture(scope='session')
def data_dir() -> Path:
    """Folder of the real recordings; tests that need it are skipped, by name, without it."""
    folder = find_data()
    if folder is None:
        pytest.skip('no real recordings: set SVTOOLKIT_DATA to a folder that holds so762/')
    return folder
