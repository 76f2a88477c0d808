"""A small form of every registered backbone, and the forms of every neck, for the contract tests.

A new backbone gets a line in ``SMALL``; what it cannot do, with the reason, one in ``KNOWN_FAILURES``.
"""

SMALL = {
    'ClovaResNet': dict(in_channels=20, widths=(8, 8, 16, 16), blocks=(1, 1, 1, 1), se_reduction=1),
    'ECAPATDNN': dict(in_channels=20, channels=32, mfa_channels=48, se_channels=8),
    'RESSETDNN': dict(in_channels=20, width=16, kernel_sizes=(5, 5, 7, 1), out_channels=24),
    'RawNet3': dict(in_channels=1, channels=32, out_channels=48),
    'ResNet': dict(in_channels=20, widths=(4, 8, 8, 16), blocks=(1, 1, 1, 1)),
    'SEResNet': dict(in_channels=20, widths=(4, 8, 8, 16), blocks=(1, 1, 1, 1), se_reduction=1),
    'VGGVox40': dict(in_channels=40, width=0.0625),
    'XVector': dict(in_channels=20, widths=(16, 16, 16, 16, 24)),
}

# Backbones that promise torch.export with any number of frames.
EXPORTS = ('ClovaResNet', 'ECAPATDNN', 'RESSETDNN', 'RawNet3', 'ResNet', 'SEResNet', 'VGGVox40', 'XVector')

# How far one item alone may be from the same item in a batch, where 1e-5 is too little.
BATCH_TOLERANCE = {
    'RawNet3': 1e-3,  # the logarithm of filter outputs near zero magnifies the rounding of the filters
}

# {part: {check: reason}}
KNOWN_FAILURES = {
    'RawNet3': {'frames': "its convolution and pools drop what does not fill them, so N' < N / subsampling"},
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
