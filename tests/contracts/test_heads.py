"""What every registered head must do; a new head is tested as soon as it is registered and listed here."""

import pytest
import torch
import torch.nn.functional as F

from svtoolkit.registry import HEADS

EMBED_DIM, NUM_SPEAKERS = 6, 5
ARGUMENTS = {
    'SoftmaxHead': {},
    'AMSoftmaxHead': {},
    'AAMSoftmaxHead': {},
    'ARMSoftmaxHead': {},
    'SphereFace2Head': {},
    'MetricHead': dict(loss=dict(type='AngularPrototypicalLoss')),
    'CombinedHead': dict(heads=[dict(type='AAMSoftmaxHead'), dict(type='SoftmaxHead')]),
}
OTHER_KIND = {'NeuralScorerHead': 'scores an embedding against frames; has its own tests'}
NO_CLASSES = ['MetricHead']
WITH_MARGIN = ['AMSoftmaxHead', 'AAMSoftmaxHead', 'ARMSoftmaxHead', 'SphereFace2Head', 'CombinedHead']
COSINE = ['AMSoftmaxHead', 'AAMSoftmaxHead', 'ARMSoftmaxHead', 'SphereFace2Head']
KNOWN_FAILURES = {
    'SphereFace2Head': {'margin_0': 'a binary loss for each speaker, no softmax'},
    'ARMSoftmaxHead': {'margin_0': 'speakers below the true one count as 0 at any margin'},
}


def build(name, **options):
    torch.manual_seed(0)
    shape = dict(embed_dim=EMBED_DIM, num_speakers=NUM_SPEAKERS)
    return HEADS.build({'type': name, **shape, **ARGUMENTS[name], **options})


def batch(dtype=torch.float32):
    torch.manual_seed(1)
    return torch.randn(8, EMBED_DIM).to(dtype), torch.tensor([3, 3, 0, 0, 4, 4, 1, 1])


every_head = pytest.mark.parametrize('name', ARGUMENTS)


def test_every_registered_head_is_listed():
    names = [n for n in HEADS.names() if HEADS.get(n).__module__.startswith('svtoolkit.models.heads')]
    assert set(names) <= set(ARGUMENTS) | set(OTHER_KIND)


@every_head
def test_loss_and_accuracy(name):
    result = build(name).loss(*batch())
    assert result['loss'].shape == result['accuracy'].shape == ()
    assert result['loss'].requires_grad
    assert not result['accuracy'].requires_grad
    assert 0 <= result['accuracy'] <= 1


@every_head
def test_every_parameter_and_the_embedding_get_a_gradient(name):
    head, (embedding, labels) = build(name), batch()
    embedding.requires_grad_()
    head.loss(embedding, labels)['loss'].backward()
    for key, value in [*head.named_parameters(), ('embedding', embedding)]:
        assert value.grad is not None, key
        assert value.grad.isfinite().all(), key


@every_head
def test_half_precision_is_computed_in_float32(name):
    head = build(name)
    exact = head.loss(batch(torch.bfloat16)[0].float(), batch()[1])['loss']
    half = head.loss(*batch(torch.bfloat16))['loss']
    with torch.autocast('cpu', torch.bfloat16):
        cast = head.loss(*batch(torch.bfloat16))['loss']
    assert half.dtype == cast.dtype == torch.float32
    torch.testing.assert_close(half, exact)
    torch.testing.assert_close(cast, exact)


@pytest.mark.parametrize('name', sorted(set(ARGUMENTS) - set(NO_CLASSES)))
def test_predict_gives_logits_and_accuracy_is_theirs(name):
    head, (embedding, labels) = build(name), batch()
    logits = head.predict(embedding)
    assert logits.shape == (8, NUM_SPEAKERS)
    right = (logits.argmax(1) == labels).float().mean()
    assert head.loss(embedding, labels)['accuracy'] == right


@pytest.mark.parametrize('name', COSINE)
def test_margin_0_is_the_plain_softmax(name):
    if 'margin_0' in KNOWN_FAILURES.get(name, {}):
        pytest.skip(KNOWN_FAILURES[name]['margin_0'])
    head, (embedding, labels) = build(name, margin=0.0), batch()
    cosine = F.normalize(embedding) @ F.normalize(head.weight).T
    torch.testing.assert_close(head.predict(embedding), head.scale * cosine)
    expected = F.cross_entropy(head.scale * cosine, labels)
    torch.testing.assert_close(head.loss(embedding, labels)['loss'], expected)


@pytest.mark.parametrize('name', WITH_MARGIN)
def test_a_new_margin_takes_effect_at_once(name):
    head, (embedding, labels) = build(name, **({} if name == 'CombinedHead' else dict(margin=0.0))), batch()
    losses = []
    for margin in (0.0, 0.1, 0.3):
        head.margin = margin
        losses.append(head.loss(embedding, labels)['loss'].item())
    assert losses[0] < losses[1] < losses[2]


@pytest.mark.parametrize('name', COSINE)
@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize('options', [{}, dict(sub_centres=2), dict(inter_top_k=2)], ids=str)
def test_finite_where_the_cosine_is_one_or_zero(name, dtype, options):
    if 'inter_top_k' in options and name not in ('AMSoftmaxHead', 'AAMSoftmaxHead'):
        pytest.skip('takes no inter_top_k')
    head = build(name, **options).to(dtype)
    rows = head.weight.detach()[:: options.get('sub_centres', 1)][[0, 0, 1]]
    # float16 cannot hold the steep gradient at a zero embedding; a gradient scaler skips such a step
    silent = rows if dtype == torch.float16 else torch.zeros_like(rows)
    embedding = torch.cat([rows, -rows, silent]).requires_grad_()
    loss = head.loss(embedding, torch.tensor([0, 1, 1] * 3))['loss']
    loss.backward()
    assert loss.isfinite()
    assert embedding.grad.isfinite().all()
    assert head.weight.grad.isfinite().all()


@every_head
def test_wrong_labels_are_named(name):
    head, (embedding, labels) = build(name), batch()
    with pytest.raises(ValueError, match=r'torch\.int32'):
        head.loss(embedding, labels.int())
    with pytest.raises(ValueError, match='do not match'):
        head.loss(embedding, labels[:-1])
    with pytest.raises(ValueError, match='meta'):
        head.loss(embedding, labels.to('meta'))
    if name not in NO_CLASSES:
        with pytest.raises(ValueError, match=r'3 to 7.*5 speakers'):
            head.loss(embedding, labels + 3)
        with pytest.raises(ValueError, match='-1'):
            head.loss(embedding, labels - 1)


@every_head
def test_state_dict_round_trip(name):
    head, other = build(name), build(name)
    for parameter in head.parameters():
        parameter.data.add_(1)
    other.load_state_dict(head.state_dict())
    torch.testing.assert_close(other.loss(*batch())['loss'], head.loss(*batch())['loss'])


@every_head
def test_builds_on_the_meta_device(name):
    with torch.device('meta'):
        build(name)
