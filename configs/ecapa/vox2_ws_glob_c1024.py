"""ECAPA-TDNN (C = 1024, global context) of WeSpeaker, AAM, VoxCeleb2 dev at three speeds; 8 GPUs x 128 crops of 2 s, 150 epochs.

Not trained here.
"""
_base_ = ['./vox2_ws_glob_c512.py']
model = dict(backbone=dict(channels=1024))
