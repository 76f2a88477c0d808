"""SGD with Nesterov momentum, 0.1 to 5e-5 exponentially, 6 epochs of warm-up; 150 epochs."""
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='SGD', lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
    clip_grad=dict(max_norm=5))
param_scheduler = [
    dict(type='LinearLR', by_epoch=True, start_factor=1e-3, end=6, convert_to_iter_based=True),
    dict(type='ExponentialLR', by_epoch=True, gamma=0.9506, convert_to_iter_based=True)]  # 0.9506^150 = 5e-4
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=150, val_interval=1)
