"""Resemblyzer's GE2E encoder adapted with the recipe of so762_ge2e_adapt.py to all 145 training voices."""
_base_ = ['./so762_ge2e_adapt.py']
train_dataloader = dict(dataset=dict(exclude_speakers=None))
val_dataloader = val_evaluator = val_cfg = None  # every development voice is trained on
