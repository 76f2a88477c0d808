"""ECAPA-TDNN (C = 512) of VoiceprintRecognition-Pytorch, AAM, VoxCeleb2 dev at three speeds; one GPU x 400 crops of 2 s, 80 epochs.

Its network and features; the schedule is TaoRuijie's. It also levels recordings, which the mean of a log-mel
bin takes out again. Not trained here.
"""
_base_ = ['../_base_/datasets/voxceleb2_speeds.py', '../_base_/schedules/adam_step_80e.py',
          '../_base_/default_runtime.py']
model = dict(
    type='EmbeddingRecognizer',
    data_preprocessor=dict(type='SpeakerPreprocessor', feature=dict(type='Fbank', num_mel_bins=80)),
    backbone=dict(
        type='ECAPATDNN', channels=512, skip='chain', res2_passthrough='first', padding_mode='reflect', mfa_norm=True),
    neck=dict(
        type='AttentiveStatsPooling', attention_channels=128, act='relu_bn_tanh', context=True,
        context_floor=1e-12, variance_floor=1e-12),
    embedding=dict(embed_dim=192, pre_norm='bn', norm='none'),
    head=dict(type='AAMSoftmaxHead', num_speakers=None, scale=30, margin=0.2))
train_dataloader = dict(batch_size=400)
