"""What every backbone promises: true sizes, any length, one item as in a batch, gradients, export."""

import copy
import functools
import importlib.util

import pytest
import torch
from small import BATCH_TOLERANCE, KNOWN_FAILURES, NEEDS, SMALL

from svtoolkit.registry import MODELS

PACKAGE = 'svtoolkit.models.backbones.'


def check(name):
    """One parameter per backbone; those whose table says why they fail are expected to."""
    return [pytest.param(part, marks=marks(part, name)) for part in SMALL]


def marks(part, name):
    """Expected to fail for the reason in the table; skipped without the package it needs."""
    reason, needs = KNOWN_FAILURES.get(part, {}).get(name), NEEDS.get(part)
    found = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
    if needs and importlib.util.find_spec(needs) is None:
        found.append(pytest.mark.skip(reason=f'needs {needs}'))
    return found


def build(name):
    """A small backbone whose norms have seen data: no weight is 0 or 1, no statistic is that of a new one."""
    torch.manual_seed(0)
    net = MODELS.build(dict(type=name, **SMALL[name]))
    for parameter in net.parameters():
        if parameter.dim() == 1 and parameter.requires_grad:
            parameter.data.uniform_(0.5, 1.5)
    for key, buffer in net.named_buffers():
        if key.endswith('running_mean'):
            buffer.uniform_(-0.5, 0.5)
        elif key.endswith('running_var'):
            buffer.uniform_(0.5, 1.5)
    return net


@functools.cache
def shortest(name):
    """Frames a backbone needs at least: its ``min_frames``, 1 unless it says otherwise."""
    return getattr(build(name), 'min_frames', 1)


def features(name, batch=2, extra=29):
    torch.manual_seed(1)
    return torch.randn(batch, SMALL[name]['in_channels'], shortest(name) + extra)


def test_every_backbone_has_a_small_form():
    registered = {name for name in MODELS.names() if MODELS.get(name).__module__.startswith(PACKAGE)}
    assert registered == set(SMALL), 'add the backbone to tests/contracts/small.py'


@pytest.mark.parametrize('name', check('width'))
def test_declared_width_is_true(name):
    net = build(name).eval()
    assert isinstance(net.out_channels, int)
    assert net(features(name)).shape[:2] == (2, net.out_channels)


@pytest.mark.parametrize('name', check('frames'))
def test_frames_are_the_input_divided_by_the_stride_rounded_up(name):
    net = build(name).eval()
    for extra in (0, 1, 6, 7, 8, 30):
        x = features(name, extra=extra)
        assert net(x).shape[-1] == -(-x.shape[-1] // net.subsampling)


@pytest.mark.parametrize('name', check('stride'))
def test_as_many_more_frames_as_the_stride_give_one_more(name):
    net = build(name).eval()
    for extra in (0, 5, 64):
        short, long = (features(name, extra=extra + more) for more in (0, net.subsampling))
        assert net(long).shape[-1] == net(short).shape[-1] + 1


@pytest.mark.parametrize('name', check('shortest'))
def test_shortest_input_gives_a_finite_frame(name):
    net = build(name).eval()
    out = net(features(name, extra=0))
    assert out.shape[-1] >= 1
    assert out.isfinite().all()


@pytest.mark.parametrize('name', check('batch'))
def test_one_item_alone_and_in_a_batch_agree(name):
    net, x = build(name).eval(), features(name, batch=3)
    with torch.no_grad():
        batch, alone = net(x), torch.cat([net(x[index : index + 1]) for index in range(3)])
    tolerance = BATCH_TOLERANCE.get(name, 1e-5)
    torch.testing.assert_close(batch, alone, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize('name', check('gradient'))
def test_every_parameter_gets_a_gradient(name):
    net = build(name)
    out = net(features(name, batch=3, extra=70))
    (out * torch.randn_like(out)).mean().backward()
    without = [key for key, p in net.named_parameters() if p.requires_grad and p.grad is None]
    assert not without
    broken = [key for key, p in net.named_parameters() if p.requires_grad and not p.grad.isfinite().all()]
    assert not broken
    # A bias in front of a batch norm has a gradient of zero; a weight must not.
    idle = [key for key, p in net.named_parameters() if p.requires_grad and p.dim() > 1 and not p.grad.any()]
    assert not idle


@pytest.mark.parametrize('name', check('input'))
@pytest.mark.parametrize('training', [True, False])
def test_input_is_left_alone(name, training):
    net, x = build(name).train(training), features(name, extra=70)
    before = x.clone()
    net(x)
    assert torch.equal(x, before)


@pytest.mark.parametrize('name', check('state'))
def test_state_dict_and_copies_carry_everything(name):
    net, x = build(name).eval(), features(name)
    fresh = MODELS.build(dict(type=name, **SMALL[name])).eval()
    fresh.load_state_dict(net.state_dict())
    with torch.no_grad():
        assert torch.equal(fresh(x), net(x))
        assert torch.equal(copy.deepcopy(net)(x), net(x))


@pytest.mark.parametrize('name', check('autocast'))
def test_half_precision_is_finite(name):
    net = build(name)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = net(features(name, extra=70))
    out.float().square().mean().backward()
    assert out.isfinite().all()
    assert all(p.grad.isfinite().all() for p in net.parameters() if p.grad is not None)


@pytest.mark.parametrize('name', check('channels_last'))
def test_layout_of_the_weights_does_not_matter(name):
    net, x = build(name).eval(), features(name)
    with torch.no_grad():
        plain = net(x)
        torch.testing.assert_close(net.to(memory_format=torch.channels_last)(x), plain, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('name', check('meta'))
def test_builds_and_runs_without_memory(name):
    with torch.device('meta'):
        net = MODELS.build(dict(type=name, **SMALL[name])).eval()
        x = torch.empty(2, SMALL[name]['in_channels'], features(name).shape[-1])
    assert net(x).shape[1] == net.out_channels


@pytest.mark.parametrize('name', check('export'))
def test_export_takes_any_batch_and_length(name):
    net = build(name).eval()
    x = features(name, extra=2 * net.subsampling)
    # AUTO: torch finds the shortest input itself; a range given by hand trips over its own guards.
    anything = {0: torch.export.Dim.AUTO, 2: torch.export.Dim.AUTO}
    program = torch.export.export(net, (x,), dynamic_shapes=(anything,)).module()
    other = features(name, batch=3, extra=4 * net.subsampling + 1)
    torch.testing.assert_close(program(other), net(other), atol=1e-5, rtol=1e-5)
