"""Adapting to another recording condition: batch-norm statistics measured on the new data, a pull to the start weights.

Start: $START, a run or a published model with this front end. One CPU x 32 crops of 2 s, 10 epochs.
"""
_base_ = ['../asv/so762_resnet34_fast.py']
fine_tune = dict(checkpoint='{{$START:work_dirs/so762_resnet34_fast}}', head='new', bn='adapt', l2_sp=10.0)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = dict(warmup=0.05, floor=0.01)
train_cfg = dict(max_epochs=10, val_interval=1)
custom_hooks = [
    dict(type='FreezeHook', stages=[dict(until=1, train=['head']), dict(train='all')]),
    dict(type='MarginRampHook', start=0.0, stop=0.2, end=0.2, unit='run')]
