"""Multi-head attentive pooling: the specification's values, and each variant against its plain formula."""

import pytest
import torch

from svtoolkit.models.necks.multi_head_attentive_pooling import MultiHeadAttentivePooling as Pooling


@pytest.mark.parametrize(
    'scale, mean, deviation',  # open_sv.md section 3
    [
        (
            True,
            [0.7531, 0.6749, 0.1668, -0.4833, -0.5957, -0.2618],
            [0.2920, 0.3118, 0.6475, 0.5656, 0.4177, 0.6142],
        ),
        (False, [0.7924, 0.6751, 0.1151, -0.5953, -0.6900, -0.2697], None),
    ],
)
def test_values_of_the_specification(golden_frames, scale, mean, deviation):
    pool = Pooling(6, num_heads=2, scale=scale, stats=True).double()
    with torch.no_grad():
        pool.queries.copy_(torch.cos(0.9 * torch.arange(6).double()).view(2, 1, 3))
    pooled = pool(golden_frames)[0]
    torch.testing.assert_close(pooled[:6], torch.tensor(mean).double(), atol=6e-5, rtol=0)
    if deviation is not None:
        torch.testing.assert_close(pooled[6:], torch.tensor(deviation).double(), atol=6e-5, rtol=0)


@pytest.mark.parametrize(
    'config, parameters, width',
    [
        (dict(num_heads=4), 12, 12),
        (dict(num_heads=4, stats=True), 12, 24),
        (dict(num_heads=4, double=True), 12 + 3, 3),
        (dict(num_heads=4, num_queries=4, stats=True), 48, 96),
        (dict(num_heads=4, split=False, stats=True), 48, 96),
    ],
)
def test_sizes(config, parameters, width):
    pool = Pooling(12, **config)
    assert sum(p.numel() for p in pool.parameters()) == parameters
    assert pool(torch.randn(2, 12, 5)).shape == (2, width)
    assert pool.out_channels == width


def softmax_mean(query, frames, divisor):
    """[d], [d, N] -> weighted mean [d] and deviation [d], written out."""
    weights = torch.softmax(query @ frames / divisor, -1)
    mean = frames @ weights
    return mean, ((frames - mean[:, None]).square() @ weights).sqrt()


def test_queries_stand_one_after_the_other_each_with_all_heads():
    torch.manual_seed(0)
    pool, frames = Pooling(6, num_heads=3, num_queries=2, stats=True), torch.randn(1, 6, 8)
    parts = [
        softmax_mean(pool.queries[head, query], frames[0, 2 * head : 2 * head + 2], 2**0.5)
        for query in range(2)
        for head in range(3)
    ]
    expected = torch.cat([mean for mean, _ in parts] + [deviation for _, deviation in parts])
    torch.testing.assert_close(pool(frames)[0], expected)


def test_global_heads_see_all_channels_through_their_own_temperature():
    torch.manual_seed(0)
    pool = Pooling(6, num_heads=3, split=False, temperatures=[1, 5, 10])
    frames = torch.randn(1, 6, 8)
    heads = zip(pool.queries[:, 0], [1, 5, 10])
    expected = [softmax_mean(query, frames[0], 6**0.5 * heat)[0] for query, heat in heads]
    torch.testing.assert_close(pool(frames)[0], torch.cat(expected))


def test_double_attention_weighs_the_head_vectors():
    torch.manual_seed(0)
    pool, frames = Pooling(6, num_heads=3, double=True, stats=True), torch.randn(1, 6, 8)
    parts = [softmax_mean(pool.queries[h, 0], frames[0, 2 * h : 2 * h + 2], 2**0.5) for h in range(3)]
    means, deviations = (torch.stack(values) for values in zip(*parts))  # [H, d]
    share = torch.softmax(means @ pool.head_query / 2**0.5, 0)
    torch.testing.assert_close(pool(frames)[0], torch.cat([share @ means, share @ deviations]))


@pytest.mark.parametrize(
    'config, word',
    [
        (dict(num_heads=5), 'divisor'),
        (dict(num_heads=3, double=True, num_queries=2), 'double'),
        (dict(num_heads=3, temperatures=[1, 2]), 'temperatures'),
        (dict(num_heads=3, temperatures=[1, 0, 2]), 'temperatures'),
    ],
)
def test_wrong_arguments_are_named(config, word):
    with pytest.raises(ValueError, match=word):
        Pooling(6, **config)
