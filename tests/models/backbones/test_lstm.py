"""Recurrent backbones: Resemblyzer's encoder, and the windows of the small bidirectional network."""

import importlib.util

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from svtoolkit.models.backbones.lstm import GE2ELSTM, BiLSTM
from svtoolkit.models.layers.embedding_layer import EmbeddingLayer
from svtoolkit.models.necks.last_frame_pooling import LastFramePooling
from svtoolkit.models.necks.stats_pooling import MeanPooling


def test_resemblyzer_is_backbone_last_frame_and_embedding_layer():
    torch.manual_seed(0)
    lstm, linear = torch.nn.LSTM(40, 256, 3, batch_first=True), torch.nn.Linear(256, 256)
    mels = torch.rand(2, 160, 40)
    raw = F.relu(linear(lstm(mels)[1][0][-1]))
    expected = raw / raw.norm(dim=1, keepdim=True)

    backbone, neck = GE2ELSTM(), LastFramePooling(256)
    layer = EmbeddingLayer(256, embed_dim=256, act='relu', norm='l2')
    published = {f'lstm.{key}': value for key, value in lstm.state_dict().items()}
    backbone.load_state_dict(published)
    layer.linear.load_state_dict(linear.state_dict())
    torch.testing.assert_close(layer(neck(backbone(mels.transpose(1, 2)))), expected)
    parameters = [*backbone.parameters(), *layer.parameters()]
    assert sum(p.numel() for p in parameters) == 1_423_616  # 305,152 + 2 x 526,336 + 65,792


def window_by_window(net, features):
    """Mean over windows of the mean over frames, as the network's own script does it."""
    if len(features) < 10:
        features = features.repeat(10 // len(features) + 1, 1)[:10]
    windows = [features[start : start + 10] for start in range(0, len(features) - 9, 5)]
    return net.lstm(torch.stack(windows))[0].mean(1).mean(0)


@pytest.mark.parametrize('num_frames', [1, 4, 10, 14, 15, 37])
def test_windows_are_read_on_their_own(num_frames):
    torch.manual_seed(0)
    net = BiLSTM(in_channels=6, hidden=4, layers=2, window=10, step=5)
    features = torch.randn(3, num_frames, 6)
    pooled = MeanPooling(net.out_channels)(net(features.transpose(1, 2)))
    torch.testing.assert_close(pooled, torch.stack([window_by_window(net, part) for part in features]))


def test_wrong_windows_are_named():
    with pytest.raises(ValueError, match='step=0'):
        BiLSTM(window=10, step=0)


def test_published_weights_give_the_published_embeddings(data_dir):
    script, weights = data_dir / 'scripts/embed_bilstm.py', data_dir / 'weights/bilstm_librispeech.pt'
    if not (script.is_file() and weights.is_file()):
        pytest.skip('no weights/bilstm_librispeech.pt')
    spec = importlib.util.spec_from_file_location('embed_bilstm', script)
    original = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(original)
    reference = original.load(weights)
    net = BiLSTM(window=100)
    net.load_state_dict(torch.load(weights, map_location='cpu', weights_only=True)['encoder_state_dict'])
    wave = np.random.default_rng(0).standard_normal(80_000).astype(np.float32) * 0.1
    features = reference.features(torch.from_numpy(wave)).T[None]
    pooled = MeanPooling(128)(net(features))[0].detach().numpy()
    np.testing.assert_allclose(pooled, reference.embed(wave), atol=1e-5)
