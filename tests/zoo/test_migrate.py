"""The files of the Chinese voiceprint project: read, trained, measured and compared as they are."""

import pytest
import soundfile
from click.testing import CliRunner

from svtoolkit.cli.main import main
from svtoolkit.datasets.voices import synth_voice
from svtoolkit.engine.check_config import check_config
from svtoolkit.engine.launch import fill_num_speakers, read_config
from svtoolkit.errors import ConfigError
from svtoolkit.zoo.migrate import migrate

TRAIN = """
[meta]
seed = 3
use_amp = false
num_workers = 0
pin_memory = true
num_epochs = 1
batch_size = 8
num_frames = 100
train_list_path = "{folder}/train_list.txt"
test_list_path = "{folder}/trials.txt"
musan_path = "/home/author/musan_split"
rir_path = "/home/author/RIRS_NOISES/simulated_rirs"
save_model_dir = "{folder}/out"
experiment_name = "first"
preloaded_model_path = ""
colour = "blue"

[model]
path = "models.ecapa_tdnn.ECAPA_TDNN"
[model.args]
C = 32

[loss_function]
name = "AAMsoftmax"
path = "loss.aamsoftmax.AAMsoftmax"
[loss_function.args]
n_class = 9236
m = 0.2
s = 30

[optimizer]
lr = 0.002
weight_decay = 2e-5

[trainer]
path = "trainer.trainer.Trainer"
[trainer.args]
finetune = false
pretrain_model_path = "/home/author/model_0070.pth"
clip_grad_norm_ornot = true
clip_grad_norm_value = 10
"""


@pytest.fixture
def seed_project(tmp_path):
    """train.toml, a TAB list with class numbers, a trial list, and recordings of synthetic voices."""
    rows, trials = [], []
    for speaker in range(4):
        for number in range(4):
            path = f'wav files/id{speaker}/{number}.wav'
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(tmp_path / path, synth_voice(speaker).say(number, 2.5), 16000)
            rows.append(f'{path}\t{speaker}')
    for speaker in range(4):
        name = f'test/{speaker}'
        for take in ('a', 'b'):
            (tmp_path / name).mkdir(parents=True, exist_ok=True)
            wave = synth_voice(20 + speaker).say(ord(take), 4.0)
            soundfile.write(tmp_path / name / f'{take}.wav', wave, 16000)
        trials += [f'1 {name}/a.wav {name}/b.wav', f'0 {name}/a.wav test/{(speaker + 1) % 4}/b.wav']
    (tmp_path / 'train_list.txt').write_text('\n'.join(rows) + '\n')
    (tmp_path / 'trials.txt').write_text('\n'.join(trials) + '\n')
    (tmp_path / 'train.toml').write_text(TRAIN.format(folder=tmp_path))
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(main, [*map(str, arguments)])


def test_migrate_train_test_and_compare(seed_project):
    config = seed_project / 'train.py'
    result = run('migrate-config', seed_project / 'train.toml', '-o', config)
    assert result.exit_code == 0, result.output
    for key, why in {
        'meta.colour': 'unknown key',
        'meta.musan_path': 'no such folder',
        'meta.rir_path': 'no such folder',
        'loss_function.args.n_class': 'counted from the training list',
        'trainer.args.pretrain_model_path': 'finetune is false',
    }.items():
        assert f'without effect: {key} = ' in result.stderr
        assert why in next(line for line in result.stderr.splitlines() if key in line)
    assert 'meta.seed' not in result.stderr
    result = run('train', config)
    assert result.exit_code == 0, result.output
    work_dir = seed_project / 'out' / 'first'
    assert (work_dir / 'best.pth').is_file()
    result = run('test', config, work_dir / 'best.pth', '--work-dir', work_dir)
    assert result.exit_code == 0, result.output
    assert 'asv/EER' in result.stdout
    a, b = seed_project / 'test/0/a.wav', seed_project / 'test/0/b.wav'
    options = ['--model', work_dir, '--threshold', '0.43', '--lang', 'zh']
    same = run('verify', a, a, *options)
    assert same.exit_code == 0
    assert same.stdout == (
        '正在将下面两个路径的.wav说话人进行比对:\n'
        f'说话人1: {a}\n'
        f'说话人2: {a}\n'
        '------------------------------\n'
        '声纹相似度得分: 1.0000\n'
        '判定阈值: 0.43\n'
        '判定结果: 为同一说话人\n'
    )
    different = run('verify', a, b, '--model', work_dir, '--threshold', '1.5', '--lang', 'zh')
    assert different.exit_code == 1
    assert different.stdout.endswith('\n判定阈值: 1.5\n判定结果: 不是同一说话人\n')
    assert run('verify', a, seed_project / 'absent.wav', *options).exit_code == 2


def test_numbers_of_the_recipe_survive(seed_project):
    found = migrate(seed_project / 'train.toml')
    found.write(seed_project / 'train.py')
    config = read_config(seed_project / 'train.py')
    assert config.train_dataloader.dataset.num_samples == 100 * 160 + 240
    assert config.optim_wrapper.optimizer == dict(type='Adam', lr=0.002, weight_decay=2e-5)
    assert config.optim_wrapper.clip_grad.max_norm == 10
    assert config.param_scheduler.gamma == 0.97
    assert (config.model.head.scale, config.model.head.margin) == (30, 0.2)
    assert config.model.backbone.channels == 32
    fill_num_speakers(config)
    assert config.model.head.num_speakers == 4
    check_config(config)


def test_sounds_and_fine_tuning_are_taken_over_where_they_exist(seed_project):
    for kind in ('noise', 'music', 'speech'):
        (seed_project / 'musan' / kind).mkdir(parents=True)
    text = (seed_project / 'train.toml').read_text()
    text = text.replace('/home/author/musan_split', str(seed_project / 'musan'))
    (seed_project / 'train.toml').write_text(text.replace('finetune = false', 'finetune = true'))
    found = migrate(seed_project / 'train.toml')
    choice = found.settings['train_dataloader']['dataset']['pipeline'][1]
    assert len(choice['transforms']) == 5  # all but the room
    assert found.settings['fine_tune']['checkpoint'] == '/home/author/model_0070.pth'
    assert [hook['type'] for hook in found.settings['custom_hooks']] == ['FreezeHook']
    assert not any('musan' in line or 'finetune' in line for line in found.ignored)


def test_infer_toml_describes_a_model(tmp_path):
    (tmp_path / 'infer.toml').write_text(
        '[model]\npath = "model_0070.pth"\ninitial_path = "models.ECAPA_TDNN"\n[model.args]\nC = 1024\n'
        '[infer_set]\nthreshold = 0.43\nframe_length = 200\n'
    )
    found = migrate(tmp_path / 'infer.toml')
    assert found.settings['threshold'] == 0.43
    assert found.settings['model']['backbone']['channels'] == 1024
    assert [line.split(' = ')[0] for line in found.ignored] == ['infer_set.frame_length', 'model.path']


def test_files_that_cannot_be_migrated(tmp_path):
    path = tmp_path / 'x.toml'
    for text, words in (
        ('[meta\n', 'not a readable TOML'),
        ('[other]\na = 1\n', 'neither'),
        ('[meta]\ntrain_list_path = "a"\n[model]\npath = "CAMPPlus"\n', 'only ECAPA-TDNN'),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=words):
            migrate(path)
    assert run('migrate-config', tmp_path / 'absent.toml').exit_code == 2
