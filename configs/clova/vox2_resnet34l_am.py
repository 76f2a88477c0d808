"""Fast ResNet34 (L), AM-softmax 30/0.3, VoxCeleb2 dev; one GPU x 200 crops of 2 s, 500 epochs. Not trained here."""
_base_ = ['./vox2_resnet34l_ap.py']
model = dict(head=dict(_delete_=True, type='AMSoftmaxHead', num_speakers=None, scale=30, margin=0.3))
train_dataloader = dict(batch_size=200, dataset=dict(
    _delete_=True, type='RandomSpeakerDataset', manifest='{{$VOXCELEB:data/voxceleb}}/vox2_dev.tsv', num_samples=32240,
    tail='drop'))
