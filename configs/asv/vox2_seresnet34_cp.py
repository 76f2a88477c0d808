"""SE-ResNet34 with activation checkpointing, which makes room for 128 crops; VoxCeleb2 dev, 4 GPUs x 128 crops of 2 s, 40 epochs.

Published: 1.07 % EER on VoxCeleb1-O cleaned (Open Speaker Verification); not trained here.
"""
_base_ = ['./vox2_resnet34.py']
model = dict(backbone=dict(type='SEResNet', se_reduction=16, with_cp=True))
