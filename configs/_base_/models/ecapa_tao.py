"""ECAPA-TDNN of TaoRuijie, C = 512: its log-mel, masks, attention with context, 192-d embedding with batch norm, AAM."""
model = dict(
    type='EmbeddingRecognizer',
    data_preprocessor=dict(
        type='SpeakerPreprocessor', feature=dict(type='LogMel', preset='ecapa'),
        augment=dict(type='SpecAugment', max_freq_width=7, max_time_width=9)),
    backbone=dict(type='ECAPATDNN', channels=512),
    neck=dict(
        type='AttentiveStatsPooling', attention_channels=256, act='relu_bn_tanh', context=True,
        context_unbiased=True, context_floor=1e-4, variance_floor=1e-4),
    embedding=dict(embed_dim=192, pre_norm='bn', norm='bn'),
    head=dict(type='AAMSoftmaxHead', num_speakers=None, scale=30, margin=0.2))
