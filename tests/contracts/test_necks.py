"""What every neck promises: true width, padding that does not count, finite values, gradients, export."""

import pytest
import torch
from small import KNOWN_FAILURES, NECKS

from svtoolkit.registry import MODELS

PACKAGE = 'svtoolkit.models.necks.'
CASES = [(name, form) for name, forms in NECKS.items() for form in forms]


def check(name):
    """One parameter per form of a neck; those whose table says why they fail are expected to."""
    cases = []
    for part, form in CASES:
        reason = KNOWN_FAILURES.get(part, {}).get(name)
        marks = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
        cases.append(pytest.param(part, form, marks=marks, id=f'{part}-{"-".join(form)}'))
    return pytest.mark.parametrize('name, form', cases)


def build(name, form):
    torch.manual_seed(0)
    return MODELS.build(dict(type=name, in_channels=(6, 8) if name == 'MultiStagePooling' else 12, **form))


def frames(name, batch=3, count=9, make=torch.randn):
    torch.manual_seed(1)
    if name != 'MultiStagePooling':
        return make(batch, 12, count)
    return make(batch, 6, count), make(batch, 8, -(-count // 2))


def parts(maps):
    """The tensors of what a neck takes: itself, or those of the tuple."""
    return list(maps) if isinstance(maps, tuple) else [maps]


def like(maps, tensors):
    return tuple(tensors) if isinstance(maps, tuple) else tensors[0]


def test_every_neck_has_its_forms():
    registered = {name for name in MODELS.names() if MODELS.get(name).__module__.startswith(PACKAGE)}
    assert registered == set(NECKS), 'add the neck to tests/contracts/small.py'


@check('width')
def test_declared_width_is_true(name, form):
    neck = build(name, form)
    assert neck(frames(name)).shape == (3, neck.out_channels)


@check('padding')
def test_padding_does_not_count(name, form):
    neck, maps = build(name, form).eval(), frames(name)
    counts = [torch.tensor([x.shape[-1], 4, 1]) for x in parts(maps)]
    padded = []
    for x, count in zip(parts(maps), counts):
        x = x.clone()
        for item, number in enumerate(count):
            x[item, :, number:] = torch.nan
        padded.append(x)
    pooled = neck(like(maps, padded), like(maps, counts))
    for item in range(3):
        cut = [x[item : item + 1, :, : count[item]] for x, count in zip(parts(maps), counts)]
        torch.testing.assert_close(pooled[item : item + 1], neck(like(maps, cut)), atol=1e-5, rtol=1e-5)


@check('lengths')
def test_full_lengths_change_nothing(name, form):
    neck, maps = build(name, form).eval(), frames(name)
    full = like(maps, [torch.full((3,), x.shape[-1]) for x in parts(maps)])
    torch.testing.assert_close(neck(maps, full), neck(maps), atol=1e-6, rtol=1e-5)


@check('batch')
def test_one_item_alone_and_in_a_batch_agree(name, form):
    neck, maps = build(name, form).eval(), frames(name)
    alone = [neck(like(maps, [x[item : item + 1] for x in parts(maps)])) for item in range(3)]
    torch.testing.assert_close(neck(maps), torch.cat(alone), atol=1e-5, rtol=1e-5)


@check('degenerate')
@pytest.mark.parametrize('count, make', [(1, torch.randn), (9, torch.ones), (9, torch.zeros)])
@pytest.mark.parametrize('masked', [False, True])
def test_one_frame_and_constant_frames_are_finite(name, form, count, make, masked):
    neck, maps = build(name, form), frames(name, count=count, make=make)
    for x in parts(maps):
        x.requires_grad_()
    counts = like(maps, [torch.ones(3, dtype=torch.int64) for _ in parts(maps)]) if masked else None
    pooled = neck(maps, counts)
    pooled.sum().backward()
    assert pooled.isfinite().all()
    assert all(x.grad.isfinite().all() for x in parts(maps))
    assert all(p.grad.isfinite().all() for p in neck.parameters())


@check('modes')
def test_training_and_evaluation_pool_alike(name, form):
    if 'bn' in form.get('act', ''):
        pytest.skip('this form has a batch norm inside')
    neck, maps = build(name, form), frames(name)
    with torch.no_grad():
        assert torch.equal(neck.train()(maps), neck.eval()(maps))


@check('gradient')
def test_every_parameter_gets_a_gradient(name, form):
    neck, maps = build(name, form), frames(name)
    for x in parts(maps):
        x.requires_grad_()
    pooled = neck(maps)
    (pooled * torch.randn_like(pooled)).sum().backward()
    assert not [key for key, p in neck.named_parameters() if p.grad is None]
    assert all(x.grad.any() for x in parts(maps))


@check('own gradient')
def test_gradients_equal_those_of_plain_operations(name, form, monkeypatch):
    from svtoolkit.models.layers import frame_moments

    def gradients():
        neck, maps = build(name, form), frames(name)
        for x in parts(maps):
            x.requires_grad_()
        neck(maps).square().sum().backward()
        return [p.grad for p in neck.parameters()] + [x.grad for x in parts(maps)]

    own = gradients()
    monkeypatch.setattr(frame_moments, '_traced', lambda: True)
    for one, other in zip(own, gradients()):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@check('meta')
def test_builds_and_runs_without_memory(name, form):
    with torch.device('meta'):
        neck = build(name, form)
        assert neck(frames(name)).shape == (3, neck.out_channels)


@check('input')
def test_input_is_left_alone(name, form):
    neck, maps = build(name, form), frames(name)
    before = [x.clone() for x in parts(maps)]
    neck(maps, like(maps, [torch.tensor([5, 4, 1]) for _ in parts(maps)]))
    assert all(torch.equal(x, y) for x, y in zip(parts(maps), before))


@check('layout')
def test_layout_of_the_frames_does_not_matter(name, form):
    neck, maps = build(name, form), frames(name)
    turned = like(maps, [x.transpose(1, 2).contiguous().transpose(1, 2) for x in parts(maps)])
    torch.testing.assert_close(neck(turned), neck(maps), atol=1e-6, rtol=1e-5)


@check('autocast')
def test_half_precision_frames_give_float32_statistics(name, form):
    neck, maps = build(name, form), frames(name)
    half = like(maps, [x.bfloat16() for x in parts(maps)])
    with torch.autocast('cpu', dtype=torch.bfloat16):
        pooled = neck(half)
    assert pooled.dtype == torch.float32
    torch.testing.assert_close(pooled, neck(maps), atol=0.1, rtol=0.1)


@check('state')
def test_state_dict_carries_everything(name, form):
    neck, maps = build(name, form).eval(), frames(name)
    fresh = MODELS.build(
        dict(type=name, in_channels=(6, 8) if name == 'MultiStagePooling' else 12, **form)
    ).eval()
    fresh.load_state_dict(neck.state_dict())
    assert torch.equal(fresh(maps), neck(maps))


@check('export')
def test_export_takes_any_batch_and_length(name, form):
    neck, maps = build(name, form).eval(), frames(name)
    batch = torch.export.Dim('batch', max=1024)
    sizes = [
        {0: batch, 2: torch.export.Dim(f'frames{i}', min=2, max=100_000)} for i in range(len(parts(maps)))
    ]
    program = torch.export.export(neck, (maps,), dynamic_shapes=(like(maps, sizes),)).module()
    other = frames(name, batch=5, count=17)
    torch.testing.assert_close(program(other), neck(other), atol=1e-5, rtol=1e-5)
