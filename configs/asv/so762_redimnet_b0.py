"""ReDimNet-B0 (60 bins), AAM, 115 voices of speechocean762; one CPU x 32 crops of 2 s. Schedule of so762_resnet34_fast."""
_base_ = ['./so762_resnet34_fast.py']
model = dict(
    data_preprocessor=dict(feature=dict(_delete_=True, type='LogMel', preset='redimnet', num_mel_bins=60)),
    backbone=dict(_delete_=True, type='ReDimNet', size='b0'),
    neck=dict(
        _delete_=True, type='AttentiveStatsPooling', attention_channels=128, act='tanh', context=True,
        context_unbiased=True, context_floor=1e-7, context_floor_added=True, variance_floor=1e-7),
    embedding=dict(pre_norm='bn'))
