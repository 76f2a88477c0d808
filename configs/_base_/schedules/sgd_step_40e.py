"""SGD 0.01, momentum 0.9, weight decay 1e-3 on everything; x0.1 after epochs 8, 14, 17, 20, 22; 40 epochs."""
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-3))
param_scheduler = dict(type='MultiStepLR', by_epoch=True, milestones=[8, 14, 17, 20, 22], gamma=0.1)
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=40, val_interval=1)
auto_scale_lr = dict(base_batch_size=512, enable=False)
