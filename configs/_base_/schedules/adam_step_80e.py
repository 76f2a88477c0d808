"""Adam 1e-3, weight decay 2e-5, x0.97 after every epoch; 80 epochs."""
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-3, weight_decay=2e-5))
param_scheduler = dict(type='StepLR', by_epoch=True, step_size=1, gamma=0.97)
train_cfg = dict(type='SpeakerTrainLoop', max_epochs=80, val_interval=1)
