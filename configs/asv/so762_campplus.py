"""Small CAM++ (growth 16), AAM, 115 voices of speechocean762; one CPU x 32 crops of 2 s. Schedule of so762_resnet34_fast."""
_base_ = ['./so762_resnet34_fast.py']
model = dict(
    backbone=dict(
        _delete_=True, type='CAMPPlus', head_channels=16, stem_channels=64, layers=(6, 12, 8), growth=16),
    neck=dict(unbiased=True),
    embedding=dict(bias=False, norm_affine=False))
