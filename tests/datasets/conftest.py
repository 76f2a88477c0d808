from pathlib import Path

import pytest
from ramp_corpus import write_corpus


@pytest.fixture(scope='session')
def corpus(tmp_path_factory) -> Path:
    """List of 10 utterances of 8000 samples by 4 speakers."""
    return write_corpus(tmp_path_factory.mktemp('corpus'), [1, 2, 3, 4])


@pytest.fixture(scope='session')
def uneven(tmp_path_factory) -> Path:
    """The speakers of the golden value of balanced batches: 1, 3, 4, 5, 6, 7 utterances."""
    return write_corpus(tmp_path_factory.mktemp('uneven'), [1, 3, 4, 5, 6, 7])
