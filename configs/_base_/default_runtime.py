"""Runtime shared by every recipe: logging, checkpoints, progress, seeds."""
default_scope = 'svtoolkit'
runner_type = 'SpeakerRunner'
default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=100),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='SafeCheckpointHook', interval=1, save_best='asv/EER', rule='less'),
    progress=dict(type='ProgressHook'),
    sampler_seed=None)
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
log_processor = dict(by_epoch=True)
env_cfg = dict(dist_cfg=dict(backend='nccl'), mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0))
randomness = dict(seed=0, deterministic=False)
log_level = 'INFO'
load_from = None
resume = False
