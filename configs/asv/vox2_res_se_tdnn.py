"""RES-SE-TDNN (512, 1500 frame channels), AM-softmax 30/0.2, VoxCeleb2 dev; 4 GPUs x 128 crops of 2 s, 40 epochs.

The original could not be constructed, so no figure is published; not trained here.
"""
_base_ = ['./vox2_resnet34.py']
model = dict(backbone=dict(_delete_=True, type='RESSETDNN', norm_momentum=0.5))
