"""Every recipe: reads, builds, is as large as its metafile says, and survives being written and read."""

import runpy
from functools import cache
from pathlib import Path

import pytest
import torch
import yaml
from mmengine.config import Config
from torch.nn.modules.batchnorm import _BatchNorm

from svtoolkit.engine.check_config import check_config
from svtoolkit.engine.launch import read_config
from svtoolkit.registry import MODELS
from svtoolkit.zoo.model_index import read_index
from svtoolkit.zoo.model_info import model_info

ROOT = Path(__file__).parents[2]
INDEX = {recipe.config: recipe for recipe in read_index(ROOT)}
FAMILIES = sorted({recipe.family for recipe in INDEX.values()})
CONFIGS = sorted(
    path.relative_to(ROOT).as_posix() for name in FAMILIES for path in (ROOT / 'configs' / name).glob('*.py')
)

# specs: parameters without the head
PUBLISHED_SIZES = {
    'configs/asv/vox2_resnet34.py': 6_765_920,
    'configs/asv/vox2_seresnet34.py': 6_807_222,
    'configs/asv/vox2_resnet34_msea.py': 16_302_176,
    'configs/asv/vox2_seresnet34_msea.py': 16_343_478,
    'configs/asv/vox2_res_se_tdnn.py': 10_410_835 + 768_768,
    'configs/ecapa/vox2_tao_c512.py': 6_978_176,
    'configs/ecapa/vox2_tao_c1024.py': 15_444_544,
    'configs/ecapa/vox2_ws_glob_c512.py': 6_190_720,
    'configs/ecapa/vox2_ws_glob_c1024.py': 14_657_088,
    'configs/ecapa/vox2_sb_c1024.py': 20_767_552,
    'configs/clova/vox2_resnet34l_ap.py': 1_437_078,
    'configs/clova/vox2_resnet34v2_softmaxproto.py': 8_028_492,
    'configs/clova/vox2_rawnet3_aam.py': 16_280_322 - 1024,  # without two batch norms that are never used
    'configs/neural_scoring/ns_clean.py': 6_704_225,  # what is trained
    'configs/neural_scoring/ns_clean_gen-a.py': 10_393_441,
}


@cache
def config(path: str) -> Config:
    found = read_config(ROOT / path)
    if found.model.get('head', {}).get('num_speakers', 0) is None:
        found.model.head.num_speakers = 10
    return found


@cache
def parameters(model: str) -> int:
    """Of a model config as text; recipes that share a model build it once."""
    with torch.device('meta'):
        built = MODELS.build({**eval(model, {}), 'head': None})  # repr of plain dicts and numbers
    return sum(one.numel() for one in built.parameters() if one.requires_grad)


def test_the_index_names_every_recipe_and_no_other():
    assert set(INDEX) == set(CONFIGS)
    files = [path for name in FAMILIES for path in (ROOT / 'configs' / name).glob('metafile.yml')]
    assert len(files) == len(FAMILIES)


@pytest.mark.parametrize('path', CONFIGS)
def test_a_recipe_is_one_readable_screen(path):
    lines = (ROOT / path).read_text().splitlines()
    assert lines[0].startswith('"""')
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 150
    assert not any(line.startswith(('import ', 'from ')) for line in lines)
    assert Path(path).stem.split('_')[0] in ('vox2', 'vox12', 'so762', 'zh', 'ns')
    assert depth(ROOT / path) <= 2


def depth(path: Path) -> int:
    bases = bases_of(path)
    return 1 + max(depth((path.parent / base).resolve()) for base in bases) if bases else 0


def bases_of(path: Path) -> list[str]:
    text = path.read_text()
    return yaml.safe_load(text.split('_base_ = ', 1)[1].split(']', 1)[0] + ']') if '_base_ = ' in text else []


@pytest.mark.parametrize('path', CONFIGS)
def test_a_recipe_builds_and_is_as_large_as_its_metafile_says(path):
    count = parameters(repr(config(path).model.to_dict()))
    assert count == INDEX[path].metadata['Parameters']
    assert count == PUBLISHED_SIZES.get(path, count)
    assert INDEX[path].name == Path(path).stem
    assert INDEX[path].metadata['Epochs'] == config(path).train_cfg.max_epochs


@pytest.mark.parametrize('path', CONFIGS)
def test_a_recipe_survives_being_written_and_read(path, tmp_path):
    one = config(path)
    one.dump(tmp_path / 'again.py')
    assert Config.fromfile(tmp_path / 'again.py').to_dict() == one.to_dict()


def test_the_published_recipe_is_written_as_it_was_published():
    """ResNet34 of the Open Speaker Verification project: 4 GPUs x 128 crops of 200 frames, 40 epochs."""
    found = config('configs/asv/vox2_resnet34.py')
    sgd = dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-3)
    steps = dict(type='MultiStepLR', by_epoch=True, milestones=[8, 14, 17, 20, 22], gamma=0.1)
    assert found.optim_wrapper.optimizer == sgd
    assert found.param_scheduler == steps
    assert found.train_cfg.max_epochs == 40
    assert found.auto_scale_lr == dict(base_batch_size=512, enable=False)
    assert found.train_dataloader.batch_size * 4 == 512
    assert found.train_dataloader.dataset.frames == 200
    head, backbone = found.model.head, found.model.backbone
    assert (head.type, head.scale, head.margin) == ('AMSoftmaxHead', 30, 0.2)
    assert (backbone.depth, backbone.norm_momentum) == (34, 0.5)
    model = MODELS.build({**found.model, 'head': {**head, 'num_speakers': 5994}})  # of VoxCeleb2 dev
    assert model.data_preprocessor.feature.num_bins == 81
    assert sum(weight.numel() for weight in model.parameters()) == 8_300_384
    assert {norm.momentum for norm in model.modules() if isinstance(norm, _BatchNorm)} == {0.5}


@pytest.mark.parametrize(
    'path',
    [
        'configs/asv/vox2_seresnet34_msea.py',
        'configs/asv/so762_redimnet_b0.py',
        'configs/clova/vox2_resnet34v2_softmaxproto.py',
        'configs/clova/vox2_rawnet3_aam.py',
        'configs/ecapa/vox2_sb_c1024.py',
        'configs/ecapa/vox2_sherpa_c512.py',
        'configs/finetune/vox2_ws_glob_c512_lm.py',
        'configs/finetune/so762_adapt.py',
        'configs/neural_scoring/ns_clean.py',
        'configs/neural_scoring/ns_clean_gen-a.py',
        'configs/neural_scoring/so762_ns_clean.py',
    ],
)
def test_a_recipe_has_no_fault_but_missing_data(path):
    check_config(config(path), data=False)


def test_every_result_says_whose_it_is():
    for recipe in INDEX.values():
        for result in recipe.results:
            assert result['Source'].startswith(('quoted: ', 'measured: ')), recipe.name
            assert 0 < result['Metrics']['EER (%)'] < 50
        assert 'Weights' not in recipe.metadata


def test_multiplications_are_those_of_the_metafile():
    path = 'configs/ecapa/vox2_ws_glob_c512.py'
    macs = model_info(config(path)).macs
    assert macs == INDEX[path].metadata['MACs (2 s)']
    # WeSpeaker's table says 1.04 G: of 200 frames, and with the context of the attention computed in each frame
    context = 2 * 1536 * 128
    assert round((macs + 197 * context) * 200 / 198 / 1e9, 2) == 1.04


def test_the_zoo_page_is_up_to_date():
    tool = runpy.run_path(str(ROOT / 'tools/make_zoo_table.py'))
    assert (ROOT / 'docs/zoo.md').read_text() == tool['text'](), 'run tools/make_zoo_table.py'
    readme = (ROOT / 'README.md').read_text()
    assert tool['readme'](readme) == readme, 'run tools/make_zoo_table.py'
