"""The neural scorer against the golden values of its specification and against its own masked encoder."""

import pytest
import torch

from svtoolkit.errors import UnknownNameError
from svtoolkit.models.heads.neural_scorer_head import NeuralScorerHead, isolating_mask, sinusoids
from svtoolkit.models.layers.scoring_layer import ScoringLayer

GENERATION_A = dict(num_layers=8, mask='full', type_embedding=False, enrolment_position=True)


def small(**options) -> NeuralScorerHead:
    torch.manual_seed(0)
    shape = dict(embed_dim=6, frame_channels=10, width=16, num_heads=4, hidden=24)
    return NeuralScorerHead(**{**shape, **options}).eval()


def batch(tests=2, enrolments=5, frames=7):
    torch.manual_seed(1)
    return torch.randn(tests, 10, frames), torch.randn(tests, enrolments, 6)


def count(module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameter_counts():  # neural_scoring.md section 6, counted on the original modules
    with torch.device('meta'):
        head = NeuralScorerHead(embed_dim=256, frame_channels=2560)
        old = NeuralScorerHead(embed_dim=256, frame_channels=2560, **GENERATION_A)
    assert count(head.frame_projection) == 655_616
    assert count(head.enrolment_projection) == 65_792
    assert count(head.score_mlp) == 131_841
    assert count(head.layers[0]) == 527_104
    assert count(head.layers) + head.types.numel() == 527_616
    assert count(old.layers) == 4_216_832
    assert (count(head), count(old)) == (1_380_865, 5_070_081)


def test_mask_golden():  # section 1.7: two enrolments, three frames
    rows = ['10111', '01111', '00111', '00111', '00111']
    assert [''.join(map(str, row)) for row in isolating_mask(2, 3).int().tolist()] == rows


def test_sinusoid_golden():  # section 6
    codes = sinusoids(torch.tensor([0, 1, 10]), 256)
    assert codes[0, :4].tolist() == [0, 1, 0, 1]
    torch.testing.assert_close(
        codes[1, :4], torch.tensor([0.84147, 0.54030, 0.80196, 0.59738]), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(
        codes[2, :4], torch.tensor([-0.54402, -0.83907, 0.11878, -0.99292]), atol=1e-5, rtol=0
    )


def test_scores_that_know_nothing_cost_what_the_specification_says():  # section 6; others in test_weighted_bce
    head = small()
    torch.nn.init.zeros_(head.score_mlp[-1].weight)
    torch.nn.init.zeros_(head.score_mlp[-1].bias)
    targets = torch.arange(200).unsqueeze(0) < 1
    assert head.loss(*batch(1, 200), targets)['loss'].item() == pytest.approx(0.0377765, abs=1e-7)


@pytest.mark.parametrize('layers', [1, 2, 3])
@pytest.mark.parametrize('options', [{}, dict(type_embedding=False, enrolment_position=True)], ids=str)
def test_cached_scores_equal_the_masked_encoder(layers, options):
    head, (frames, enrolments) = small(num_layers=layers, **options), batch()
    check_against_the_masked_encoder(head, frames, enrolments)


def test_cached_scores_equal_the_masked_encoder_at_full_width():
    torch.manual_seed(0)
    head = NeuralScorerHead(embed_dim=256, frame_channels=64, num_layers=3).eval()
    check_against_the_masked_encoder(head, torch.randn(1, 64, 101), torch.randn(1, 30, 256))


def check_against_the_masked_encoder(head, frames, enrolments):
    """With keys and values for many enrolments, and with the frames themselves for few."""
    expected = head.score_masked(frames, enrolments)
    for num_enrolments, parts in ((None, 2), (1, 1)):
        cache = head.encode_test(head.project(frames), num_enrolments)
        assert {len(held) for held in cache} == {parts}
        torch.testing.assert_close(head.score(cache, enrolments), expected, atol=1e-5, rtol=0)


def test_keys_and_values_pay_from_a_number_of_enrolments_on():
    layer = ScoringLayer(256, 4, 512)  # multiplications: 2 T W W against N (2 W W + 2 (heads - 1) T W)
    for frames in (13, 101, 500):
        few = layer.few(frames)
        assert 2 * frames * 256**2 == pytest.approx(few * (2 * 256**2 + 2 * 3 * frames * 256))


@pytest.mark.parametrize('layers', [1, 3])
@pytest.mark.parametrize('way', ['forward', 'score_masked'])
def test_a_score_does_not_depend_on_other_enrolments(layers, way):
    head, (frames, enrolments) = small(num_layers=layers), batch()
    score = getattr(head, way)
    whole = score(frames, enrolments)
    changed = enrolments.clone()
    changed[:, 1:] = torch.randn_like(changed[:, 1:]) * 3
    torch.testing.assert_close(score(frames, changed)[:, 0], whole[:, 0], atol=1e-5, rtol=0)
    torch.testing.assert_close(score(frames, enrolments[:, 2:3])[:, 0], whole[:, 2], atol=1e-5, rtol=0)
    order = [3, 0, 4, 2, 1]
    torch.testing.assert_close(score(frames, enrolments[:, order]), whole[:, order], atol=1e-5, rtol=0)


def test_frames_do_not_see_enrolments():
    torch.manual_seed(0)
    layer = ScoringLayer(16, 4, 24).eval()
    frames, enrolments = torch.randn(2, 7, 16), torch.randn(2, 3, 16)
    together = layer(torch.cat([enrolments, frames], dim=1), isolating_mask(3, 7))
    torch.testing.assert_close(together[:, 3:], layer(frames), atol=1e-6, rtol=0)
    torch.testing.assert_close(
        together[:, :3], layer.attend(enrolments, *layer.keys_values(frames)), atol=1e-6, rtol=0
    )


def test_generation_a_scores_each_enrolment_in_a_sequence_of_its_own():
    head, (frames, enrolments) = small(**{**GENERATION_A, 'num_layers': 2}), batch()
    scores = head(frames, enrolments)
    alone = torch.cat([head.score_masked(frames, enrolments[:, [n]]) for n in range(5)], dim=1)
    torch.testing.assert_close(scores, alone, atol=1e-5, rtol=0)
    assert (scores - head.score_masked(frames, enrolments)).abs().max() > 1e-4  # there they see each other


@pytest.mark.parametrize('options', [{}, dict(num_layers=2), {**GENERATION_A, 'num_layers': 2}], ids=str)
def test_every_parameter_gets_a_gradient(options):
    head, (frames, enrolments) = small(**options).train(), batch()
    frames.requires_grad_()
    targets = torch.eye(2, 5, dtype=torch.bool)
    result = head.loss(frames, enrolments, targets)
    result['loss'].backward()
    assert 0 <= result['accuracy'] <= 1 and not result['accuracy'].requires_grad
    for name, value in [*head.named_parameters(), ('frames', frames)]:
        assert value.grad is not None and value.grad.isfinite().all(), name


def test_accuracy_counts_both_kinds_at_one_half():
    head, (frames, enrolments) = small(), batch()
    right = head(frames, enrolments) >= 0
    assert head.loss(frames, enrolments, right)['accuracy'] == 1
    assert head.loss(frames, enrolments, ~right)['accuracy'] == 0


def test_autocast_scores_are_close_and_the_loss_is_float32():
    head, (frames, enrolments) = small(), batch()
    with torch.autocast('cpu', torch.bfloat16):
        result = head.loss(frames, enrolments, torch.eye(2, 5, dtype=torch.bool))
        logits = head(frames, enrolments)
    assert result['loss'].dtype == torch.float32
    torch.testing.assert_close(logits.float(), head(frames, enrolments), atol=0.05, rtol=0.05)


def test_positions_matter_and_no_utterance_is_too_long():
    head, (frames, enrolments) = small(), batch(1, 2, 700)
    assert head(frames, enrolments).isfinite().all()
    assert (head(frames.flip(2), enrolments) - head(frames, enrolments)).abs().max() > 1e-5


def test_wrong_settings():
    with pytest.raises(UnknownNameError, match="Did you mean 'isolated'"):
        small(mask='isolate')
    with pytest.raises(ValueError, match='num_layers=0'):
        small(num_layers=0)
    with pytest.raises(ValueError, match='5 heads'):
        small(num_heads=5)
