"""ResNet34 V2 (64 bins, attentive statistics), softmax + angular prototypical, VoxCeleb2 dev; one GPU x 200 speakers x 2 crops of 2 s.

256 epochs, augmented, x0.75 every 16 epochs. Not trained here.
"""
_base_ = ['../_base_/datasets/voxceleb2_augmented.py', '../_base_/default_runtime.py']
model = dict(
    type='EmbeddingRecognizer', channels_last=True,
    data_preprocessor=dict(
        type='SpeakerPreprocessor', normalise='mean_std',
        feature=dict(type='LogMel', preset='clova', num_mel_bins=64, preemphasis=0.97)),
    backbone=dict(
        type='ClovaResNet', widths=(32, 64, 128, 256), strides=(1, 2, 2, 2), stem='plain', pool_bins=False),
    neck=dict(type='AttentiveStatsPooling', act='relu_bn', variance_floor=1e-5),
    embedding=dict(embed_dim=512, norm='none'),
    head=dict(type='CombinedHead', num_speakers=None, heads=[
        dict(type='SoftmaxHead'), dict(type='MetricHead', loss=dict(type='AngularPrototypicalLoss'))]))
train_dataloader = dict(batch_size=400, dataset=dict(
    type='BalancedSpeakerDataset', speakers_per_batch=200, utts_per_speaker=2))
optim_wrapper = dict(type='AutocastOptimWrapper', optimizer=dict(type='Adam', lr=1e-3, weight_decay=5e-5))
param_scheduler = dict(type='StepLR', by_epoch=True, step_size=16, gamma=0.75)
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=256, val_interval=8)
