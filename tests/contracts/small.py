"""A small form of every registered backbone, and the forms of every neck, for the contract tests.

A new backbone gets a line in ``SMALL``; what it cannot do, with the reason, one in ``KNOWN_FAILURES``.
"""

SMALL_WAVLM = dict(
    model_type='wavlm',
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    conv_dim=(8,) * 7,
    num_conv_pos_embeddings=8,
    num_conv_pos_embedding_groups=2,
)

SMALL_W2V_BERT = dict(
    model_type='wav2vec2-bert',
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    feature_projection_input_dim=40,
    conv_depthwise_kernel_size=5,
)

SMALL = {
    'BiLSTM': dict(in_channels=20, hidden=8, layers=2),
    'CAMPPlus': dict(in_channels=24, head_channels=4, stem_channels=16, layers=(2, 2, 2), growth=4),
    'ClovaResNet': dict(in_channels=20, widths=(8, 8, 16, 16), blocks=(1, 1, 1, 1), se_reduction=1),
    'ECAPATDNN': dict(in_channels=20, channels=32, mfa_channels=48, se_channels=8),
    'ERes2Net': dict(in_channels=24, width=4, blocks=(1, 1, 1, 1), base_width=32),
    'ERes2NetV2': dict(in_channels=24, width=8, blocks=(1, 1, 1, 1)),
    'GE2ELSTM': dict(in_channels=20, hidden=8, layers=2),
    'NeXtTDNN': dict(in_channels=20, channels=8, depths=(1, 1, 1), kernel_sizes=(3, 5)),
    'RESSETDNN': dict(in_channels=20, width=16, kernel_sizes=(5, 5, 7, 1), out_channels=24),
    'RawNet3': dict(in_channels=1, channels=32, out_channels=48),
    'ReDimNet': dict(in_channels=12, channels=4, stages=((1, 1, 2, 4), (2, 1, 1, 4)), group=1),
    'ReDimNet2': dict(in_channels=12, channels=4, stages=(((1, 1), 1, 2, 4), ((2, 2), 1, 1, 4))),
    'Res2Net': dict(in_channels=24, width=4, blocks=(1, 1, 1, 1)),
    'ResNet': dict(in_channels=20, widths=(4, 8, 8, 16), blocks=(1, 1, 1, 1)),
    'SEResNet': dict(in_channels=20, widths=(4, 8, 8, 16), blocks=(1, 1, 1, 1), se_reduction=1),
    'SSLFrontEnd': dict(in_channels=1, config=SMALL_WAVLM),
    'TitaNet': dict(in_channels=20, channels=32, out_channels=16, repeat=1, dropout=0.0),
    'VGGVox40': dict(in_channels=40, width=0.0625),
    'W2VBert': dict(in_channels=20, config=SMALL_W2V_BERT),
    'XVector': dict(in_channels=20, widths=(16, 16, 16, 16, 24)),
}

# Optional packages without which a part is not tested.
NEEDS = {'SSLFrontEnd': 'transformers', 'W2VBert': 'transformers'}

# How far one item alone may be from the same item in a batch, where 1e-5 is too little.
BATCH_TOLERANCE = {
    'RawNet3': 1e-3,  # the logarithm of filter outputs near zero magnifies the rounding of the filters
}

# {part: {check: reason}}
KNOWN_FAILURES = {
    'BiLSTM': {'export': 'a traced LSTM keeps the number of frames it was traced with'},
    'GE2ELSTM': {'export': 'a traced LSTM keeps the number of frames it was traced with'},
    'LastFramePooling': {'autocast': 'it computes nothing, so a frame keeps its type'},
    'NeXtTDNN': {'frames': "its first convolution is not padded, so N' = N - 3"},
    'RawNet3': {'frames': "its convolution and pools drop what does not fill them, so N' < N / subsampling"},
    'ReDimNet2': {
        'frames': 'it drops the frames that do not fill its widest pooling',
        'stride': 'time is pooled inside: as many frames as its widest pooling go in, or none',
    },
    'SSLFrontEnd': {
        'frames': "its convolutions are not padded, so N' < N / 320",
    },
    'W2VBert': {'frames': 'it reads pairs of frames and drops the last of an odd number'},
    'VGGVox40': {'frames': "its convolutions and pools are not padded, so N' < N / 32"},
}

# Forms of each neck; in_channels is 12, or (6, 8) for the neck of several maps.
NECKS = {
    'AttentiveStatsPooling': [
        dict(attention_channels=5),
        dict(attention_channels=5, act='tanh', context=True, context_unbiased=True, context_floor_added=True),
        dict(attention_channels=5, act='relu_bn_tanh', context=True),
        dict(attention_channels=5, act='relu_bn', shared=True, stats=False),
    ],
    'LastFramePooling': [dict()],
    'MaxPooling': [dict()],
    'MeanPooling': [dict()],
    'MultiHeadAttentivePooling': [
        dict(num_heads=3),
        dict(num_heads=3, num_queries=2, stats=True, scale=False),
        dict(num_heads=2, split=False, stats=True, temperatures=(1, 5)),
        dict(num_heads=3, double=True, stats=True),
    ],
    'MultiStagePooling': [
        dict(),
        dict(pool=dict(type='AttentiveStatsPooling', attention_channels=5)),
    ],
    'SelfAttentivePooling': [dict(), dict(attention_channels=None, stats=True)],
    'StatsPooling': [dict(), dict(unbiased=True, eps=1e-7)],
}
