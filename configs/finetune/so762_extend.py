"""Fine-tuning with the old classes kept: new speakers get rows beside the old ones; 115 voices of speechocean762.

Start: $START, a run with this front end. One CPU x 32 crops of 2 s, 10 epochs, full margin from the first step.
"""
_base_ = ['../asv/so762_resnet34_fast.py']
fine_tune = dict(checkpoint='{{$START:work_dirs/so762_resnet34_fast}}', head='extend', bn='auto')
optim_wrapper = dict(
    optimizer=dict(lr=1e-4),
    paramwise_cfg=dict(custom_keys={
        'backbone.layer4': dict(lr_mult=0.3), 'backbone': dict(lr_mult=0.1)}))
param_scheduler = dict(warmup=0.05, floor=0.01)
train_cfg = dict(max_epochs=10, val_interval=1)
custom_hooks = []
