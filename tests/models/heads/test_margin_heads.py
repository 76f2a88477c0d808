"""Margin heads against the worked examples of the specs (float64 reference values, given to 4-6 digits)."""

import pytest
import torch

from svtoolkit.models.heads.aam_softmax_head import AAMSoftmaxHead
from svtoolkit.models.heads.am_softmax_head import AMSoftmaxHead


def open_sv_example(head_class, **options):
    """The example of the open system: 4 embeddings of 5 values, 7 speakers."""
    n, e, c = torch.arange(4.0).view(-1, 1), torch.arange(5.0), torch.arange(7.0).view(-1, 1)
    head = head_class(embed_dim=5, num_speakers=7, **options)
    head.weight.data = torch.cos(0.5 + 0.6 * c + 0.9 * e)
    return head, torch.sin(1 + 0.8 * n + 1.3 * e), torch.tensor([0, 3, 6, 2])


@pytest.mark.parametrize(
    'head_class, scale, margin, expected',
    [
        (AMSoftmaxHead, 30, 0.2, 21.1885),
        (AMSoftmaxHead, 30, 0.0, 16.6712),
        (AMSoftmaxHead, 15, 0.2, 10.8133),
        (AAMSoftmaxHead, 30, 0.2, 20.7503),
    ],
)
def test_open_system_example(head_class, scale, margin, expected):
    head, embedding, labels = open_sv_example(head_class, scale=scale, margin=margin)
    assert head.loss(embedding, labels)['loss'].item() == pytest.approx(expected, abs=1e-4)


def test_open_system_cosines():
    head, embedding, labels = open_sv_example(AMSoftmaxHead)
    cosine = head.cosine(embedding)
    expected = torch.tensor([0.8754, 0.1169, -0.4234, 0.5870])
    torch.testing.assert_close(cosine.gather(1, labels[:, None])[:, 0], expected, atol=1e-4, rtol=0)
    assert cosine.argmax(1).tolist() == [0, 1, 2, 4]
    assert head.loss(embedding, labels)['accuracy'].item() == 0.25


def clova_example(head_class, **options):
    """The example of the Clova-style trainer: speaker rows and embeddings of 3 values, 4 speakers."""
    i, k = torch.arange(1.0, 5).double().view(-1, 1), torch.arange(1.0, 4).double()
    head = head_class(embed_dim=3, num_speakers=4, **options).double()
    head.weight.data = torch.cos(0.4 * i * k)
    return head, torch.sin(0.3 * i * k), torch.arange(4)


@pytest.mark.parametrize(
    'head_class, options, expected',
    [
        (AMSoftmaxHead, dict(margin=0.1, scale=30), 32.069071),
        (AMSoftmaxHead, dict(margin=0.2, scale=30), 34.319071),
        (AMSoftmaxHead, dict(margin=0.3, scale=15), 18.368669),
        (AAMSoftmaxHead, dict(margin=0.1, scale=30), 31.740298),
        (AAMSoftmaxHead, dict(margin=0.2, scale=30), 33.541545),
        (AAMSoftmaxHead, dict(margin=0.3, scale=15), 17.686540),
        (AAMSoftmaxHead, dict(margin=0.2, scale=30, easy_margin=True), 29.819071),
    ],
)
def test_clova_example(head_class, options, expected):
    head, embedding, labels = clova_example(head_class, **options)
    assert head.loss(embedding, labels)['loss'].item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    'rows, embedding, label, expected',
    [
        # ecapa_service golden: unit rows e0, e1, -e0
        ([(1, 0), (0, 1), (-1, 0)], (0.8, 0.6), 0, 0.133577),
        ([(1, 0), (0, 1), (-1, 0)], (0.5, -0.5), 2, 46.217968),
        # diff_sv golden: the second one lies below the threshold cos(pi - m)
        ([(1, 1), (0, 2), (-1, 0)], (0.5, 1), 1, 4.835953),
        ([(1, 1), (0, 2), (-1, 0)], (1, 0), 2, 52.405220),
    ],
)
def test_angular_margin_by_hand(rows, embedding, label, expected):
    head = AAMSoftmaxHead(embed_dim=2, num_speakers=3)
    head.weight.data = torch.tensor(rows, dtype=torch.float32)
    loss = head.loss(torch.tensor([embedding]), torch.tensor([label]))['loss']
    assert loss.item() == pytest.approx(expected, abs=2e-5)
