"""ECAPA-TDNN (C = 1024) of TaoRuijie, AAM, VoxCeleb2 dev; one GPU x 400 crops of 2 s, 80 epochs. Not trained here."""
_base_ = ['../_base_/models/ecapa_tao.py', '../_base_/datasets/voxceleb2_augmented.py',
          '../_base_/schedules/adam_step_80e.py', '../_base_/default_runtime.py']
model = dict(backbone=dict(channels=1024))
train_dataloader = dict(batch_size=400)
