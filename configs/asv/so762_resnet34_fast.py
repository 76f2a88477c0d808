"""Light ResNet34 (16-24-48-96, stem stride 2), AAM, 115 voices of speechocean762; one CPU x 32 crops of 2 s."""
_base_ = ['../_base_/datasets/so762.py', '../_base_/default_runtime.py']
model = dict(
    type='EmbeddingRecognizer', channels_last=True,
    data_preprocessor=dict(
        type='SpeakerPreprocessor', feature=dict(type='Fbank', num_mel_bins=80),
        augment=dict(type='SpecAugment', max_freq_width=10, max_time_width=20)),
    backbone=dict(type='ResNet', depth=34, widths=(16, 24, 48, 96), stem_stride=2),
    neck=dict(type='StatsPooling'),
    embedding=dict(embed_dim=192),
    head=dict(type='AAMSoftmaxHead', num_speakers=None, scale=30, margin=0.2, label_smoothing=0.05))
optim_wrapper = dict(
    type='AutocastOptimWrapper', optimizer=dict(type='AdamW', lr=4e-3, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0), clip_grad=dict(max_norm=5))
param_scheduler = dict(type='WarmupCosineLR', warmup=0.12, by_epoch=False)
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=50, val_interval=5)
custom_hooks = [dict(type='MarginRampHook', start=0.0, stop=0.2, end=0.2, unit='run')]
