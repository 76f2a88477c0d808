"""Large-margin stage of vox2_ws_glob_c1024: all its rows, its voices at their own speed, 6 s, margin 0.5; 8 GPUs x 64, 5 epochs.

Start: $START, the mean of its last 10 epochs. Not trained here.
"""
_base_ = ['../ecapa/vox2_ws_glob_c512.py']
fine_tune = dict(checkpoint='{{$START:work_dirs/vox2_ws_glob_c1024/average.pth}}', head='keep', bn='train')
model = dict(backbone=dict(channels=1024), head=dict(margin=0.5))
train_dataloader = dict(batch_size=64, dataset=dict(frames=600, speeds=(1.0,)))
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = dict(_delete_=True, type='ExponentialLR', by_epoch=True, gamma=0.758)  # to 2.5e-5
train_cfg = dict(max_epochs=5)
custom_hooks = []
