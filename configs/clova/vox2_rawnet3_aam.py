"""RawNet3 (waveform in, 256-d), AAM 30/0.3, VoxCeleb2 dev; one GPU x 32 crops of 3 s, 500 epochs. Not trained here."""
_base_ = ['../_base_/datasets/voxceleb2_augmented.py', '../_base_/default_runtime.py']
model = dict(
    type='EmbeddingRecognizer',
    data_preprocessor=dict(type='SpeakerPreprocessor', feature=dict(type='Waveform'), normalise='none'),
    backbone=dict(type='RawNet3'),
    neck=dict(
        type='AttentiveStatsPooling', act='relu_bn', context=True, context_unbiased=True, context_floor=1e-4,
        variance_floor=1e-4, variance_ceiling=1e4),
    embedding=dict(embed_dim=256, pre_norm='bn', norm='none'),
    head=dict(type='AAMSoftmaxHead', num_speakers=None, scale=30, margin=0.3))
train_dataloader = dict(batch_size=32, dataset=dict(num_samples=48240))
optim_wrapper = dict(type='AutocastOptimWrapper', optimizer=dict(type='Adam', lr=1e-3, weight_decay=5e-5))
param_scheduler = dict(type='StepLR', by_epoch=True, step_size=10, gamma=0.75)
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=500, val_interval=10)
