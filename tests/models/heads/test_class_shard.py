"""Class weights split over two gloo processes against one process that sees everything."""

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from svtoolkit.models.heads import class_shard
from svtoolkit.models.heads.aam_softmax_head import AAMSoftmaxHead
from svtoolkit.models.heads.softmax_head import SoftmaxHead
from svtoolkit.models.losses.angular_prototypical import AngularPrototypicalLoss

SPEAKERS, WIDTH, RANKS = 7, 5, 2  # 7 is odd: the ranks own 3 and 4 speakers
CASES = {
    'plain': {},
    'all': dict(label_smoothing=0.1, sub_centres=2, inter_top_k=4),
}


def make_model(shard, **options):
    torch.manual_seed(0)
    layer = torch.nn.Linear(4, WIDTH)
    model = torch.nn.Module()
    model.layer, model.head = layer, AAMSoftmaxHead(WIDTH, SPEAKERS, shard=shard, **options)
    model.forward = lambda x, y: model.head.loss(model.layer(x), y)
    return model


def batch():
    torch.manual_seed(1)
    return torch.randn(8, 4), torch.tensor([0, 6, 3, 2, 5, 5, 1, 4])


def shard_worker(rank, folder):
    torch.set_num_threads(1)
    dist.init_process_group('gloo', f'file://{folder}/meeting', rank=rank, world_size=RANKS)
    inputs, labels = (part.chunk(RANKS)[rank] for part in batch())
    for name, options in CASES.items():
        model = make_model(shard=True, **options)
        hidden = class_shard.hide_from_ddp(model)
        ddp = torch.nn.parallel.DistributedDataParallel(model)
        result = ddp(inputs, labels)
        result['loss'].backward()
        found = dict(
            hidden=hidden,
            loss=result['loss'].detach(),
            accuracy=result['accuracy'],
            rows=model.head.state_dict(),
            head_grad=model.head.weight.grad,
            layer_grad=model.layer.weight.grad,
        )
        model.head.load_state_dict(make_model(False, **options).head.state_dict())  # a whole matrix
        found['reloaded'] = model.head.weight.detach()
        torch.save(found, f'{folder}/{name}_{rank}.pt')

    torch.manual_seed(0)
    layer, loss = torch.nn.Linear(4, WIDTH), AngularPrototypicalLoss(gather=True)
    value = loss(layer(inputs), torch.arange(2).repeat_interleave(2) + 2 * rank)['loss']
    value.backward()
    for parameter in [layer.weight, loss.line.raw_w]:
        dist.all_reduce(parameter.grad)  # and divided by the ranks: what DDP does
    grads = [layer.weight.grad / RANKS, loss.line.raw_w.grad / RANKS]
    torch.save([value.detach(), *grads], f'{folder}/gather_{rank}.pt')
    dist.destroy_process_group()


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('shard')
    mp.spawn(shard_worker, (str(path),), nprocs=RANKS)
    return path


@pytest.mark.parametrize('case', CASES)
def test_two_ranks_equal_one_process(folder, case):
    ranks = [torch.load(folder / f'{case}_{rank}.pt', weights_only=True) for rank in range(RANKS)]
    model = make_model(shard=False, **CASES[case])
    result = model.forward(*batch())
    result['loss'].backward()
    assert [rank['hidden'] for rank in ranks] == [['head.weight']] * RANKS
    torch.testing.assert_close(class_shard.merge([rank['rows'] for rank in ranks], 'weight'),
                               model.head.weight.detach())  # fmt: skip
    torch.testing.assert_close(torch.cat([rank['head_grad'] for rank in ranks]), model.head.weight.grad)
    torch.testing.assert_close(torch.cat([rank['reloaded'] for rank in ranks]), model.head.weight.detach())
    for rank in ranks:
        torch.testing.assert_close(rank['loss'], result['loss'].detach())
        torch.testing.assert_close(rank['accuracy'], result['accuracy'])
        torch.testing.assert_close(rank['layer_grad'], model.layer.weight.grad)


def test_gathered_metric_loss_equals_one_process(folder):
    torch.manual_seed(0)
    layer, loss = torch.nn.Linear(4, WIDTH), AngularPrototypicalLoss()
    value = loss(layer(batch()[0]), torch.arange(4).repeat_interleave(2))['loss']
    value.backward()
    for rank in range(RANKS):
        found = torch.load(folder / f'gather_{rank}.pt', weights_only=True)
        expected = [value.detach(), layer.weight.grad, loss.line.raw_w.grad]
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize('case', CASES)
def test_without_a_process_group_sharding_changes_nothing(case):
    plain, shard = (make_model(shard, **CASES[case]) for shard in (False, True))
    results = [model.forward(*batch()) for model in (plain, shard)]
    torch.testing.assert_close(*results)
    for result in results:
        result['loss'].backward()
    torch.testing.assert_close(shard.head.weight.grad, plain.head.weight.grad)
    assert class_shard.hide_from_ddp(torch.nn.Sequential(SoftmaxHead(3, 4))) == []
