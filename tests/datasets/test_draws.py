import pickle

import numpy as np
import pytest

from svtoolkit.datasets.draws import Draw, Plan, draw_rng, even_steps, fit_tail, frame_samples, whole_frames


def test_item_generator_golden():  # specs/open_sv.md section 2
    draw = Draw(epoch=3, pos=17, utt=0, num_samples=1, speed=1.0, seed=42)
    assert draw_rng(draw, 1).integers(0, 2**32, 3).tolist() == [1267210867, 842582810, 3416289325]
    assert draw_rng(draw._replace(epoch=0, pos=5), 2).random() == 0.4753232522870646


def test_frames_to_samples_golden():  # specs/open_sv.md section 2
    assert frame_samples(200) == 32240
    assert frame_samples(300) == 48240
    assert frame_samples(200, sample_rate=8000) == 16120


def test_whole_frames():
    assert whole_frames(np.array([100, 400, 559, 560, 32399])).tolist() == [100, 400, 400, 560, 32240]


def test_draws_are_plain_numbers():
    plan = Plan(np.array([4, 2]), np.array([400, 400]), np.array([0.9, 1.1], np.float32), np.array([0, 2]))
    draws = plan.draws(plan.positions(0), epoch=1, seed=7)
    assert draws == [(1, 0, 4, 400, 0.9, 7), (1, 1, 2, 400, 1.1, 7)]
    assert all(type(value) in (int, float) for value in draws[0])
    assert pickle.loads(pickle.dumps(draws)) == draws


@pytest.mark.parametrize(
    'tail, expected', [('pad', [0, 1, 2, 3, 4, 0]), ('drop', [0, 1, 2]), ('keep', [0, 1, 2, 3, 4])]
)
def test_tail(tail, expected):
    assert fit_tail(np.arange(5), 3, tail).tolist() == expected


def test_tail_wraps_more_than_once():
    assert fit_tail(np.arange(2), 5, 'pad').tolist() == [0, 1, 0, 1, 0]


def test_tail_errors():
    with pytest.raises(ValueError, match='less than one global batch of 6'):
        fit_tail(np.arange(5), 6, 'drop')
    with pytest.raises(ValueError, match="tail='wrap'"):
        fit_tail(np.arange(5), 6, 'wrap')


def test_even_steps():
    assert even_steps(7, 3).tolist() == [0, 3, 6, 7]
    assert even_steps(6, 3).tolist() == [0, 3, 6]
