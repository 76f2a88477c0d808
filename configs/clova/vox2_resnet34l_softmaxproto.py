"""Fast ResNet34 (L) with 64 bins, softmax + angular prototypical, VoxCeleb2 dev; one GPU x 200 speakers x 2 crops of 2 s, 500 epochs.

A user's variant of vox2_resnet34l_ap. Not trained here.
"""
_base_ = ['./vox2_resnet34l_ap.py']
model = dict(
    data_preprocessor=dict(feature=dict(num_mel_bins=64)),
    head=dict(_delete_=True, type='CombinedHead', num_speakers=None, heads=[
        dict(type='SoftmaxHead'), dict(type='MetricHead', loss=dict(type='AngularPrototypicalLoss'))]))
