"""ECAPA-TDNN (C = 1024, 3072 frame channels) of SpeechBrain, AAM, VoxCeleb2 dev; one GPU x 160 crops of 3 s, 10 epochs.

SpeechBrain concatenates four augmented copies of 32 crops and cycles the rate between 1e-8 and 1e-3; here 160
crops are augmented one by one and the rate follows one cosine. Not trained here.
"""
_base_ = ['../_base_/datasets/voxceleb2_augmented.py', '../_base_/default_runtime.py']
model = dict(
    type='EmbeddingRecognizer',
    data_preprocessor=dict(type='SpeakerPreprocessor', feature=dict(type='LogMel', preset='speechbrain')),
    backbone=dict(
        type='ECAPATDNN', channels=1024, mfa_channels=3072, skip='chain', res2_passthrough='first',
        padding_mode='reflect', mfa_norm=True),
    neck=dict(
        type='AttentiveStatsPooling', attention_channels=128, act='relu_bn_tanh', context=True,
        context_floor=1e-12, variance_floor=1e-12),
    embedding=dict(embed_dim=192, pre_norm='bn', norm='none'),
    head=dict(type='AAMSoftmaxHead', num_speakers=None, scale=30, margin=0.2))
train_dataloader = dict(batch_size=160, dataset=dict(num_samples=48000))
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3, weight_decay=2e-6))
param_scheduler = dict(type='WarmupCosineLR', warmup=0.1, by_epoch=False)
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=10, val_interval=1)
