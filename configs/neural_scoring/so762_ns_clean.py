"""Neural scoring (generation B) on 115 voices of speechocean762; one CPU x 32 tests of 2 s x 32 enrolments of 4 s.

The enrolment model is that of asv/so762_resnet34_fast.py: train it first, or name its checkpoint in
SVTOOLKIT_ENROLMENT. It knows its 115 voices so well that a scorer finds nothing left to learn from them; four more
speeds make voices it has never heard. The scorer starts in the space of the enrolment model's embeddings and learns
on the trunk as it is; then the trunk learns too.
Lists and packs: tools/join_lists.py (docs/recipes.md).
"""
_base_ = ['../_base_/datasets/so762_trials.py', '../_base_/default_runtime.py']
packs = '{{$SVTOOLKIT_PACKS:data/packs}}/'
train_dataloader = dict(dataset=dict(
    manifest=packs + 'train.tsv', pack=packs + 'train.pack', speeds=(1.0, 0.8, 0.88, 1.12, 1.25)))
model = dict(
    type='NeuralScoringRecognizer',
    data_preprocessor=dict(
        type='TrialPreprocessor', feature=dict(type='Fbank', num_mel_bins=80),
        augment=dict(type='SpecAugment', max_freq_width=10, max_time_width=20)),
    enroller=dict(
        type='EmbeddingRecognizer', channels_last=True,
        backbone=dict(type='ResNet', depth=34, widths=(16, 24, 48, 96), stem_stride=2),
        neck=dict(type='StatsPooling'),
        embedding=dict(embed_dim=192)),
    scorer=dict(type='NeuralScorerHead', num_layers=1, mask='isolated', type_embedding=True),
    num_enrolments=None)
optim_wrapper = dict(
    type='AutocastOptimWrapper', optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, custom_keys=dict(backbone=dict(lr_mult=0.2))),
    clip_grad=dict(max_norm=5))
param_scheduler = dict(type='WarmupCosineLR', warmup=0.1, by_epoch=False)
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=20, val_interval=7)
custom_hooks = [
    dict(type='EnrolmentWeightsHook', align_utts=1000,
         checkpoint='{{$SVTOOLKIT_ENROLMENT:work_dirs/so762_resnet34_fast/best.pth}}'),
    dict(type='FreezeHook', stages=[dict(until=14, train=['scorer']), dict(train='all')])]
