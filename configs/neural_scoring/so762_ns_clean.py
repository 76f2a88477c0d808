"""Neural scoring (generation B) on 115 voices of speechocean762; one CPU x 32 tests of 2 s x 32 enrolments of 4 s.

The enrolment model is that of asv/so762_resnet34_fast.py: train it first, or name its checkpoint in
SVTOOLKIT_ENROLMENT. The trunk, which is trained already, learns at a tenth of the scorer's rate.
"""
_base_ = ['../_base_/datasets/so762_trials.py', '../_base_/default_runtime.py']
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
    paramwise_cfg=dict(norm_decay_mult=0, bias_decay_mult=0, custom_keys=dict(backbone=dict(lr_mult=0.1))),
    clip_grad=dict(max_norm=5))
param_scheduler = dict(type='WarmupCosineLR', warmup=0.1, by_epoch=False)
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=30, val_interval=3)
custom_hooks = [
    dict(type='EnrolmentWeightsHook', checkpoint='{{$SVTOOLKIT_ENROLMENT:work_dirs/so762_resnet34_fast/best.pth}}')]
