"""ECAPA-TDNN (C = 512) of WeSpeaker behind the front end of sherpa-onnx, for phones; 8 GPUs x 128 crops of 2 s, 150 epochs.

sherpa-onnx computes its features itself, so a model that it runs must be trained on them. Not trained here.
"""
_base_ = ['./vox2_ws_glob_c512.py']
model = dict(data_preprocessor=dict(feature=dict(
    window='povey', high_freq=7600, snip_edges=False, dither=0.0, scale=1.0)))
