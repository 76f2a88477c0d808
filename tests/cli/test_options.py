"""``--cfg-options`` as mm users write them."""

import click
import pytest
from click.testing import CliRunner

from svtoolkit.cli import _options
from svtoolkit.engine.launch import read_config
from svtoolkit.models.heads.am_softmax_head import AMSoftmaxHead
from svtoolkit.registry import HEADS


@click.command()
@click.argument('config')
@_options.cfg_options
@click.option('--amp', is_flag=True)
def command(config, options, amp):
    click.echo(repr((config, options, amp)))


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('a=1', 1),
        ('a=0.5', 0.5),
        ('a=1e-3', 0.001),
        ('a=true', True),
        ('a=False', False),
        ('a=None', None),
        ('a=1,2', [1, 2]),
        ('a=[1,2]', [1, 2]),
        ('a=(1,2)', (1, 2)),
        ('a=[(1,2),(3,4)]', [(1, 2), (3, 4)]),
        ('a=x,y', ['x', 'y']),
        ('a=lists/train.tsv', 'lists/train.tsv'),
        ('a=dict(max_norm=5)', 'dict(max_norm=5)'),
        ("a={'max_norm': 5}", {'max_norm': 5}),
        ('a=b=c', 'b=c'),
    ],
)
def test_values_are_literals_lists_or_text(text, value):
    result = CliRunner().invoke(command, ['x.py', '--cfg-options', text])
    assert result.output.strip() == repr(('x.py', {'a': value}, False))


def test_all_following_words_belong_to_it_and_later_ones_win():
    words = ['--cfg-options', 'a.b=1', 'c=2', '--amp', '--cfg-options', 'a.b=3', 'x.py']
    result = CliRunner().invoke(command, words)
    assert result.output.strip() == repr(('x.py', {'a.b': 3, 'c': 2}, True))


def test_a_nested_override_reaches_the_part_that_is_built(tiny_config):
    config = read_config(tiny_config, {'model.head.margin': 0.35, 'model.head.num_speakers': 5})
    head = HEADS.build({**config.model.head, 'embed_dim': 4})
    assert isinstance(head, AMSoftmaxHead)
    assert (head.margin, head.scale) == (0.35, 15)
    assert tuple(head.weight.shape) == (5, 4)
