"""ResNet34 (24-32-64-128), AAM, 115 voices of speechocean762; one CPU x 32 crops of 2 s, 36 epochs.

Trains on the whole corpus without loss and on its Opus cut, three speeds as speakers of their own, noise and
rooms on half of the crops. Lists and packs: tools/join_lists.py and "svtoolkit prepare" (docs/recipes.md).
The shipped model goes on from this one with all 145 voices: so762_resnet34_all.py.
"""
_base_ = ['../_base_/datasets/so762.py', '../_base_/default_runtime.py']
packs = '{{$SVTOOLKIT_PACKS:data/packs}}/'
noise = dict(type='AddNoise', pack=packs + 'noise.pack', kinds=dict(noise=(3, 20), music=(5, 20), babble=(10, 20)))
room = dict(type='Reverb', pack=packs + 'rir.pack')
train_dataloader = dict(dataset=dict(
    manifest=packs + 'train.tsv', pack=packs + 'train.pack', frames=200,
    speeds=(1.0, 0.9, 1.1),
    pipeline=[dict(type='RandomChoice', transforms=[None, noise, room, [room, noise]], probs=[0.5, 0.3, 0.1, 0.1])]))
del noise, room
model = dict(
    type='EmbeddingRecognizer', channels_last=True,
    data_preprocessor=dict(
        type='SpeakerPreprocessor', feature=dict(type='Fbank', num_mel_bins=80),
        augment=dict(type='SpecAugment', max_freq_width=10, max_time_width=20)),
    backbone=dict(type='ResNet', depth=34, widths=(24, 32, 64, 128), stem_stride=2),
    neck=dict(type='StatsPooling'),
    embedding=dict(embed_dim=192),
    head=dict(type='AAMSoftmaxHead', num_speakers=None, scale=30, margin=0.2, label_smoothing=0.05))
optim_wrapper = dict(
    type='AutocastOptimWrapper', optimizer=dict(type='AdamW', lr=4e-3, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0), clip_grad=dict(max_norm=5))
param_scheduler = dict(type='WarmupCosineLR', warmup=0.12, by_epoch=False)
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=36, val_interval=4)
custom_hooks = [dict(type='MarginRampHook', start=0.0, stop=0.2, end=0.2, unit='run')]
