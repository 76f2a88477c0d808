import io
import tarfile
import zipfile

import pytest

from svtoolkit.datasets.sources.unpack import unpack
from svtoolkit.errors import ManifestError


def make_tar(path, members):
    with tarfile.open(path, 'w:gz') as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    'members',
    [
        {'fine.txt': b'1', '../outside.txt': b'2'},
        {'folder/link': '/etc', 'folder/link/x': b'2'},
        {'up': '../..'},
    ],
    ids=['above', 'absolute link', 'link above'],
)
def test_unsafe_members_are_refused(tmp_path, members):
    path = make_tar(tmp_path / 'a.tar.gz', members)
    with pytest.raises(ManifestError, match='is unsafe'):
        unpack([path], tmp_path / 'deep/out')
    assert not (tmp_path / 'deep/outside.txt').exists()
    assert list((tmp_path / 'deep').iterdir()) == []


def test_absolute_names_land_inside(tmp_path):
    unpack([make_tar(tmp_path / 'a.tar.gz', {'/inner/x.txt': b'1'})], tmp_path / 'out')
    assert (tmp_path / 'out/inner/x.txt').read_bytes() == b'1'


def test_a_cut_archive_is_joined(tmp_path):
    whole = make_tar(tmp_path / 'a.tar.gz', {'x/data.bin': bytes(range(256)) * 50}).read_bytes()
    parts = [tmp_path / f'b.tar.gza{letter}' for letter in 'abc']
    third = len(whole) // 3
    for part, piece in zip(parts, (whole[:third], whole[third : 2 * third], whole[2 * third :]), strict=True):
        part.write_bytes(piece)
    unpack(parts, tmp_path / 'out')
    assert (tmp_path / 'out/x/data.bin').read_bytes() == bytes(range(256)) * 50


def test_a_damaged_archive_leaves_the_folder_as_it_was(tmp_path):
    path = make_tar(tmp_path / 'a.tar.gz', {'x/data.bin': bytes(range(256)) * 50, 'y.txt': b'1'})
    path.write_bytes(path.read_bytes()[:-40])
    (tmp_path / 'out').mkdir()
    with pytest.raises(ManifestError, match='cannot be unpacked'):
        unpack([path], tmp_path / 'out')
    assert list((tmp_path / 'out').iterdir()) == []


def test_zip_joins_folders_and_refuses_paths_above(tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w') as archive:
        archive.writestr('x/new.txt', '1')
    (tmp_path / 'out/x').mkdir(parents=True)
    (tmp_path / 'out/x/old.txt').write_text('0')
    unpack([tmp_path / 'a.zip'], tmp_path / 'out')
    assert sorted(path.name for path in (tmp_path / 'out/x').iterdir()) == ['new.txt', 'old.txt']
    with zipfile.ZipFile(tmp_path / 'b.zip', 'w') as archive:
        archive.writestr('../evil.txt', '1')
    with pytest.raises(ManifestError, match=r"'\.\./evil\.txt' is unsafe"):
        unpack([tmp_path / 'b.zip'], tmp_path / 'out')
