"""Light ResNet34, AAM, on speechocean762's 145 voices; 1 CPU machine x 32 crops of 2 s, 34 epochs."""
_base_ = ['../_base_/datasets/so762.py', '../_base_/default_runtime.py']
model = dict(
    type='EmbeddingRecognizer', channels_last=True,
    data_preprocessor=dict(
        type='SpeakerPreprocessor', feature=dict(type='Fbank', num_mel_bins=80),
        augment=dict(type='SpecAugment', max_freq_width=10, max_time_width=20)),
    backbone=dict(type='ResNet', depth=34, widths=(16, 32, 64, 128)),
    neck=dict(type='StatsPooling'),
    embedding=dict(embed_dim=192),
    head=dict(type='AAMSoftmaxHead', num_speakers=None, scale=30, margin=0.2, label_smoothing=0.05))
optim_wrapper = dict(
    type='AutocastOptimWrapper', optimizer=dict(type='AdamW', lr=4e-3, weight_decay=0.05),
    clip_grad=dict(max_norm=5))
param_scheduler = dict(type='WarmupCosineLR', warmup=0.12, by_epoch=False)
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=34, val_interval=2)
custom_hooks = [dict(type='ProgressHook'), dict(type='MarginRampHook', start=0.0, stop=0.2, end=0.2, unit='run')]
