"""ResNet34 (32-64-128-256), statistics pooling, 256-d embedding with ReLU and batch norm; 81 features."""
model = dict(
    type='EmbeddingRecognizer',
    data_preprocessor=dict(
        type='SpeakerPreprocessor', feature=dict(type='Fbank', num_mel_bins=80, use_energy=True),
        augment=dict(type='SpecCutout', max_freq_width=8, max_time_width=10)),
    backbone=dict(type='ResNet', depth=34, widths=(32, 64, 128, 256), norm_momentum=0.5),
    neck=dict(type='StatsPooling'),
    embedding=dict(embed_dim=256, act='relu', norm='bn', norm_momentum=0.5),
    head=dict(type='AMSoftmaxHead', num_speakers=None, scale=30, margin=0.2))
