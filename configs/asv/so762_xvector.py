"""Small x-vector TDNN (256, 768 frame channels), AAM, 115 voices of speechocean762; one CPU x 32 crops of 2 s.

Schedule of so762_resnet34_fast.
"""
_base_ = ['./so762_resnet34_fast.py']
model = dict(
    channels_last=False,
    backbone=dict(_delete_=True, type='XVector', widths=(256, 256, 256, 256, 768)))
