"""Fine-tuning the light ResNet34 to other voices: new head, frozen warm-up, slow early layers; 115 voices of speechocean762.

Start: $START, a run or a published model with this front end. One CPU x 32 crops of 2 s, 10 epochs.
"""
_base_ = ['../asv/so762_resnet34_fast.py']
fine_tune = dict(checkpoint='{{$START:work_dirs/so762_resnet34_fast}}', head='new', bn='auto')
optim_wrapper = dict(
    optimizer=dict(lr=1e-4),
    paramwise_cfg=dict(custom_keys={
        'backbone.layer4': dict(lr_mult=0.3), 'backbone': dict(lr_mult=0.1)}))  # the longest name that fits counts
param_scheduler = dict(warmup=0.05, floor=0.01)
train_cfg = dict(max_epochs=10, val_interval=1)
custom_hooks = [
    dict(type='FreezeHook', stages=[
        dict(until=1, train=['head']), dict(until=3, train=['head', 'embedding', 'neck']), dict(train='all')]),
    dict(type='MarginRampHook', start=0.0, stop=0.2, end=0.2, unit='run')]
