"""Fast ResNet34 (L, 40 bins, self-attentive pooling), angular prototypical loss, VoxCeleb2 dev; one GPU x 200 speakers x 2 crops of 2 s.

500 epochs, no augmentation. Not trained here.
"""
_base_ = ['../_base_/datasets/voxceleb2_augmented.py', '../_base_/default_runtime.py']
model = dict(
    type='EmbeddingRecognizer', channels_last=True,
    data_preprocessor=dict(
        type='SpeakerPreprocessor', feature=dict(type='LogMel', preset='clova'), normalise='mean_std'),
    backbone=dict(type='ClovaResNet'),
    neck=dict(type='SelfAttentivePooling', attention_channels=None, variance_floor=1e-5),
    embedding=dict(embed_dim=512, norm='none'),
    head=dict(type='MetricHead', num_speakers=None, loss=dict(type='AngularPrototypicalLoss')))
train_dataloader = dict(batch_size=400, dataset=dict(
    type='BalancedSpeakerDataset', speakers_per_batch=200, utts_per_speaker=2, pipeline=[]))
optim_wrapper = dict(type='AutocastOptimWrapper', optimizer=dict(type='Adam', lr=1e-3))
param_scheduler = dict(type='StepLR', by_epoch=True, step_size=10, gamma=0.95)
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=500, val_interval=10)
