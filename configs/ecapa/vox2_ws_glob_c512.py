"""ECAPA-TDNN (C = 512, global context) of WeSpeaker, AAM, VoxCeleb2 dev at three speeds; 8 GPUs x 128 crops of 2 s, 150 epochs.

Publish the mean of the last 10 epochs (tools/average_checkpoints.py). Not trained here.
"""
_base_ = ['../_base_/datasets/voxceleb2_speeds.py', '../_base_/schedules/sgd_exp_150e.py',
          '../_base_/default_runtime.py']
model = dict(
    type='EmbeddingRecognizer',
    data_preprocessor=dict(
        type='SpeakerPreprocessor', feature=dict(type='Fbank', num_mel_bins=80, window='hamming', dither=1.0)),
    backbone=dict(type='ECAPATDNN', channels=512, skip='chain'),
    neck=dict(
        type='AttentiveStatsPooling', attention_channels=128, act='tanh', variance_floor=1e-7, context=True,
        context_unbiased=True, context_floor=1e-7, context_floor_added=True),
    embedding=dict(embed_dim=192, pre_norm='bn', norm='none'),
    head=dict(type='AAMSoftmaxHead', num_speakers=None, scale=32, margin=0.2))
default_hooks = dict(checkpoint=dict(max_keep_ckpts=10))
custom_hooks = [
    dict(type='MarginRampHook', start=0.0, stop=0.2, begin=20, end=40, shape='exponential')]
