"""SE-ResNet34, statistics of all four stages to one 512-d embedding (MSEA), AM-softmax, VoxCeleb2 dev; 4 GPUs x 128 crops of 2 s.

No figure is published; not trained here.
"""
_base_ = ['./vox2_resnet34.py']
model = dict(
    backbone=dict(type='SEResNet', se_reduction=16, out_stages=(0, 1, 2, 3)),
    neck=dict(type='MultiStagePooling'), embedding=dict(embed_dim=512))
