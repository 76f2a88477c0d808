"""The shipped model: so762_resnet34.py, then 14 epochs with all 145 training voices and a new head."""
_base_ = ['./so762_resnet34.py']
load_from = 'work_dirs/so762_resnet34/best.pth'  # a head of other speakers is left behind
train_dataloader = dict(dataset=dict(exclude_speakers=None))
optim_wrapper = dict(optimizer=dict(lr=2e-3))  # half of the first stage's: the backbone is trained already
train_cfg = dict(max_epochs=14)
val_dataloader = val_evaluator = val_cfg = None  # every development voice is trained on
