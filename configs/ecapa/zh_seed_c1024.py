"""ECAPA-TDNN (C = 1024) of the Chinese voiceprint project, AAM, zhvoice and VoxCeleb2; one GPU x 256 crops of 2 s, 70 epochs.

The network and the schedule are TaoRuijie's; the embedding has length one. Not trained here.
"""
_base_ = ['../_base_/models/ecapa_tao.py', '../_base_/datasets/voxceleb2_augmented.py',
          '../_base_/schedules/adam_step_80e.py', '../_base_/default_runtime.py']
model = dict(backbone=dict(channels=1024))
train_dataloader = dict(batch_size=256, dataset=dict(
    manifest=['{{$ZHVOICE:data/zhvoice}}/train.tsv', '{{$VOXCELEB:data/voxceleb}}/vox2_dev.tsv']))
train_cfg = dict(max_epochs=70)
