"""Small ECAPA-TDNN (C = 192), AAM, 115 voices of speechocean762; one CPU x 32 crops of 2 s. Schedule of so762_resnet34_fast."""
_base_ = ['./so762_resnet34_fast.py']
model = dict(
    channels_last=False,
    backbone=dict(_delete_=True, type='ECAPATDNN', channels=192, mfa_channels=576, se_channels=64),
    neck=dict(
        _delete_=True, type='AttentiveStatsPooling', attention_channels=64, act='relu_bn_tanh', context=True,
        context_unbiased=True, context_floor=1e-4, variance_floor=1e-4),
    embedding=dict(pre_norm='bn'))
