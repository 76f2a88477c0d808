"""Resemblyzer's GE2E encoder adapted to 115 voices of speechocean762; one CPU x 32 crops of 1.6 s, 8 epochs.

Start: $START, the folder "svtoolkit convert pretrained.pt --from resemblyzer" writes. The encoder reads windows of
1.6 s, as its own toolkit lets it, so that crops and whole recordings look alike to it.
"""
_base_ = ['../_base_/datasets/so762.py', '../_base_/default_runtime.py']
fine_tune = dict(checkpoint='{{$START:work_dirs/ge2e}}', head='new', l2_sp=60.0)
packs = '{{$SVTOOLKIT_PACKS:data/packs}}/'
train_dataloader = dict(dataset=dict(manifest=packs + 'train.tsv', pack=packs + 'train.pack', frames=160))
model = dict(
    type='EmbeddingRecognizer',
    data_preprocessor=dict(
        type='SpeakerPreprocessor', normalise='none',
        feature=dict(type='LogMel', preset='resemblyzer', num_mel_bins=40)),
    backbone=dict(type='GE2ELSTM'),
    neck=dict(type='LastFramePooling'),
    embedding=dict(embed_dim=256, act='relu', norm='l2'),
    windows=dict(frames=160, step=77, min_coverage=0.75),
    head=dict(type='AAMSoftmaxHead', num_speakers=None, scale=30, margin=0.2))
optim_wrapper = dict(
    type='AutocastOptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.0),
    paramwise_cfg=dict(custom_keys=dict(backbone=dict(lr_mult=0.3))), clip_grad=dict(max_norm=5))
param_scheduler = dict(type='WarmupCosineLR', warmup=0.05, floor=0.01, by_epoch=False)
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=8, val_interval=8)
custom_hooks = [
    dict(type='FreezeHook', stages=[dict(until=1, train=['head']), dict(train='all')]),
    dict(type='MarginRampHook', start=0.0, stop=0.2, end=0.4, unit='run')]
