"""ResNet34, AM-softmax 30/0.2, VoxCeleb2 dev; 4 GPUs x 128 crops of 2 s = 512, 40 epochs.

Published: 1.207 % EER on VoxCeleb1-O cleaned (Open Speaker Verification); not trained here.
"""
_base_ = ['../_base_/models/resnet34_fbank81.py', '../_base_/datasets/voxceleb2_fbank81.py',
          '../_base_/schedules/sgd_step_40e.py', '../_base_/default_runtime.py']
