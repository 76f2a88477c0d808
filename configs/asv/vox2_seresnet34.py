"""SE-ResNet34 (reduction 16), AM-softmax 30/0.2, VoxCeleb2 dev; 4 GPUs x 100 crops of 2 s, 40 epochs.

Published: 1.121 % EER on VoxCeleb1-O cleaned (Open Speaker Verification); not trained here.
"""
_base_ = ['./vox2_resnet34.py']
model = dict(backbone=dict(type='SEResNet', se_reduction=16))
train_dataloader = dict(batch_size=100)
