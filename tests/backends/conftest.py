"""Speakers drawn from a two-covariance model, shared by all tests of the package."""

import pytest
from simulated import draw_speakers, draw_trials


@pytest.fixture(scope='session')
def world():
    return draw_speakers()


@pytest.fixture(scope='session')
def trials(world):
    return draw_trials(world.table)
