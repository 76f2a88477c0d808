"""ECAPA-TDNN of SpeechBrain as published: VoxCeleb1 and 2 together, 7,205 speakers; one GPU x 160 crops of 3 s, 10 epochs.

VoxCeleb1-E and -H hold its training voices: only O can be measured. Not trained here.
"""
_base_ = ['./vox2_sb_c1024.py']
train_dataloader = dict(dataset=dict(
    manifest=['{{$VOXCELEB:data/voxceleb}}/vox1_dev.tsv', '{{$VOXCELEB:data/voxceleb}}/vox2_dev.tsv']))
