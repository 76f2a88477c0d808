"""Conversion of a whole tree: resumed, in several processes, faults at the end."""

import os

import numpy as np
import pytest
from look_alikes import Speech

from svtoolkit.audio import io
from svtoolkit.datasets.manifest import Manifest
from svtoolkit.datasets.sources import folder, preparation
from svtoolkit.datasets.sources.recordings import open_recording
from svtoolkit.errors import ManifestError


@pytest.fixture
def tree(tmp_path, speech, write_m4a):
    root = tmp_path / 'tree'
    for speaker in range(2):
        for number in range(2):
            write_m4a(root / f's{speaker}/day/u{number}.m4a', speech(speaker, number))
    speech.write(root / 's0/plain.wav')
    speech.write(root / 's1/stereo.flac', channels=2)
    return root


def test_without_conversion_recordings_stay_where_they_are(tree, tmp_path):
    report = folder.prepare(tree, tmp_path / 'out')
    manifest = Manifest.read(tmp_path / 'out/manifest.tsv', audio_check=True)
    assert list(manifest.utts) == [
        's0/plain.wav', 's0/day/u0.m4a', 's0/day/u1.m4a', 's1/stereo.flac', 's1/day/u0.m4a', 's1/day/u1.m4a',
    ]  # fmt: skip
    assert sorted(set(manifest.speakers)) == ['s0', 's1']
    assert all(os.path.isabs(path) for path in manifest.paths)  # not below the list: told in full
    assert (report.speakers, report.utterances) == (2, 6)
    assert not (tmp_path / 'out/audio').exists()


def test_paths_below_the_list_are_relative(tree):
    folder.prepare(tree, tree.parent)
    assert Manifest.read(tree.parent / 'manifest.tsv').paths[0] == 'tree/s0/plain.wav'


def test_conversion_gives_what_was_there(tree, tmp_path):
    folder.prepare(tree, tmp_path / 'out', convert=True)
    manifest = Manifest.read(tmp_path / 'out/manifest.tsv', audio_check=True)
    for row, utt in enumerate(manifest.utts):
        original, converted = io.read(tree / utt, 16000), io.read(manifest.path(row))
        np.testing.assert_allclose(converted, np.clip(original, -1, 1 - 2**-15), atol=2**-15)
        assert io.probe(manifest.path(row)).num_channels == 1
    assert manifest.paths[0].endswith('tree/s0/plain.wav')  # 16 kHz mono WAV: nothing to gain
    assert manifest.paths[1] == 'audio/folder/s0/day/u0.flac'


def test_a_broken_off_conversion_goes_on(tree, tmp_path, monkeypatch):
    done = []

    def dies_after_three(task):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(task)
        return open_recording(task)

    with monkeypatch.context() as patch:
        patch.setattr(preparation, 'open_recording', dies_after_three)
        with pytest.raises(KeyboardInterrupt):
            folder.prepare(tree, tmp_path / 'out', convert=True)
    audio = tmp_path / 'out/audio/folder'
    first = audio / 's0/day/u0.flac'
    assert not (tmp_path / 'out/manifest.tsv').exists()
    kept = first.stat().st_mtime_ns
    (audio / 's0/day/u1.flac').write_bytes(b'fLaC')  # the machine went down
    (audio / 's0/day/u7.flac.123.part').write_bytes(b'fLaC')
    report = folder.prepare(tree, tmp_path / 'out', convert=True)
    assert first.stat().st_mtime_ns == kept
    assert report.usable
    assert report.utterances == 6
    assert not list(audio.rglob('*.part'))
    assert len(io.read(audio / 's0/day/u1.flac')) > 7000


def test_faults_are_listed_at_the_end(tree, tmp_path):
    (tree / 's0/day/u0.m4a').write_bytes(b'\x00\x00\x00\x18ftypM4A damaged')
    (tree / 's1/empty.wav').write_bytes(b'')
    report = folder.prepare(tree, tmp_path / 'out', convert=True)
    assert len(report.faults) == 2
    assert 'u0.m4a' in report.faults[0]
    assert 'empty.wav' in report.faults[1]
    assert not report.usable
    assert report.utterances == 5
    assert not list((tmp_path / 'out').rglob('*.part'))


def test_two_files_of_one_stem_do_not_overwrite_each_other(tmp_path, speech, write_m4a):
    write_m4a(tmp_path / 'in/s0/u.m4a', speech(0, 0))
    speech.write(tmp_path / 'in/s0/u.ogg', 0, 1)
    folder.prepare(tmp_path / 'in', tmp_path / 'out', convert=True)
    paths = list(Manifest.read(tmp_path / 'out/manifest.tsv').paths)
    assert paths == ['audio/folder/s0/u.m4a.flac', 'audio/folder/s0/u.ogg.flac']


def test_processes_give_the_same_lists(tmp_path):
    noise = Speech(lambda speaker, number: np.random.default_rng(number).uniform(-0.5, 0.5, 800))
    for number in range(40):  # more than one process is handed at a time
        noise.write(tmp_path / f'in/s{number % 2}/u{number:02d}.ogg', 0, number)
    for jobs in (1, 2):
        folder.prepare(tmp_path / 'in', tmp_path / f'out{jobs}', convert=True, jobs=jobs)
    assert (tmp_path / 'out1/manifest.tsv').read_bytes() == (tmp_path / 'out2/manifest.tsv').read_bytes()
    assert len(list((tmp_path / 'out2').rglob('*.flac'))) == 40


def test_a_recording_outside_a_speakers_folder_is_named(tree, tmp_path, speech):
    speech.write(tree / 'loose.wav')
    with pytest.raises(ManifestError, match=r"'loose\.wav' lies in no speaker's folder"):
        folder.prepare(tree, tmp_path / 'out')


def test_links_that_lead_back_are_walked_once(tree, tmp_path):
    (tree / 's0/again').symlink_to(tree, target_is_directory=True)
    assert folder.prepare(tree, tmp_path / 'out').utterances == 6
