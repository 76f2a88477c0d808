"""Large-margin stage: the same head and voices, crops twice as long, margin 0.5, no masks; speechocean762, 5 epochs.

Start: $START, a run of so762_resnet34_fast. One CPU x 16 crops of 4 s.
"""
_base_ = ['../asv/so762_resnet34_fast.py']
fine_tune = dict(checkpoint='{{$START:work_dirs/so762_resnet34_fast}}', head='keep', bn='frozen_stats')
model = dict(data_preprocessor=dict(augment=None), head=dict(margin=0.5))
train_dataloader = dict(batch_size=16, dataset=dict(frames=400))
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = dict(warmup=0.0, floor=0.25)
train_cfg = dict(max_epochs=5, val_interval=1)
custom_hooks = []
