import io
import shutil
import zipfile

import numpy as np
import pytest
import releases
import torch
from PIL import Image
from releases import COUNTS, FACES, encoded, photo

from hwlib.data.builders import celeba, digits, mnistm
from hwlib.errors import WorkbookError
from hwlib.names import ATTRIBUTES

Resampling = Image.Resampling


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("downloads")
    for name, content in releases.files().items():
        (folder / name).write_bytes(content)
    return folder


def refused(act):
    with pytest.raises(WorkbookError) as caught:
        act()
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


@pytest.mark.parametrize(("split", "seed", "at"), [("train", 1, 0), ("test", 2, 1)])
def test_usps(files, split, seed, at):
    values, wanted, _ = releases.usps(seed, COUNTS["usps"][at])
    images, labels = digits.usps(files, split)
    assert (images.dtype, tuple(images.shape)) == (torch.uint8, (len(wanted), 1, 28, 28))
    assert (labels.dtype, labels.tolist()) == (torch.int64, wanted.tolist())
    for i, row in enumerate(values):
        grey = np.rint((row.reshape(16, 16) + 1) / 2 * 255).astype(np.uint8)
        assert np.array_equal(images[i, 0], Image.fromarray(grey).resize((28, 28), Resampling.BICUBIC))


@pytest.mark.parametrize(("split", "seed", "at"), [("train", 1, 0), ("test", 2, 1)])
def test_mnist(files, split, seed, at):
    wanted, figures, *_ = releases.mnist(seed, COUNTS["mnist"][at])
    images, labels = digits.mnist(files, split)
    assert (images.dtype, labels.dtype) == (torch.uint8, torch.int64)
    assert np.array_equal(images[:, 0], wanted)
    assert labels.tolist() == figures.tolist()


@pytest.mark.parametrize(("split", "seed", "at"), [("train", 1, 0), ("test", 2, 1)])
def test_svhn(files, split, seed, at):
    wanted, figures, _ = releases.svhn(seed, COUNTS["svhn"][at])
    images, labels = digits.svhn(files, split)
    assert (images.dtype, tuple(images.shape)) == (torch.uint8, (len(wanted), 3, 28, 28))
    assert 0 in labels
    assert labels.tolist() == figures.tolist()
    for got, image in zip(images, wanted, strict=True):
        assert np.array_equal(got.permute(1, 2, 0), Image.fromarray(image).resize((28, 28), Resampling.BILINEAR))


def some_digits(count=5):
    return torch.from_numpy(releases.mnist(3, count)[0])[:, None]


def test_mnistm_is_the_difference_of_patch_and_mask(files):
    photos = mnistm.photographs(files / "BSR_bsds500.tgz")
    figures = some_digits()
    images = mnistm.mnistm(figures, "train", photos)
    assert (images.dtype, tuple(images.shape)) == (torch.uint8, (5, 3, 28, 28))
    for figure, image in zip(figures[:, 0], images.permute(0, 2, 3, 1).numpy(), strict=True):
        mask = 255 * (figure.numpy() > 0).astype(int)[:, :, None]
        patch = np.abs(image.astype(int) - mask)  # the difference undoes itself
        places = [
            (p, y, x)
            for p, whole in enumerate(photos.images)
            for y in range(whole.shape[0] - 27)
            for x in range(whole.shape[1] - 27)
            if np.array_equal(whole[y : y + 28, x : x + 28], patch)
        ]
        assert len(places) == 1


def test_the_patch_of_an_image_does_not_hang_on_the_others(files):
    photos = mnistm.photographs(files / "BSR_bsds500.tgz")
    figures = some_digits()
    images = mnistm.mnistm(figures, "train", photos)
    assert torch.equal(mnistm.mnistm(figures[:2], "train", photos), images[:2])
    assert torch.equal(mnistm.mnistm(figures, "train", photos), images)
    assert not torch.equal(mnistm.mnistm(figures, "test", photos), images)
    assert not torch.equal(mnistm.mnistm(figures, "train", photos, seed=1), images)
    assert (
        len({image.numpy().tobytes() for image in mnistm.mnistm(figures[:1].expand(5, -1, -1, -1), "test", photos)})
        == 5
    )


def test_places_stay_where_they_are():
    """Whoever changes these changes everybody's mnistm."""
    photos = tuple(np.empty((321, 481, 3), np.uint8) for _ in range(200))
    assert [mnistm._place(photos, (0, split, i)) for split, i in ((0, 0), (0, 59999), (1, 0))] == PLACES


PLACES = [(8, 79, 289), (77, 236, 43), (160, 163, 403)]


def test_places_reach_the_borders():
    photos = (np.empty((29, 30, 3), np.uint8), np.empty((28, 28, 3), np.uint8))
    assert {mnistm._place(photos, (0, 0, i)) for i in range(200)} == {(0, y, x) for y in (0, 1) for x in (0, 1, 2)} | {
        (1, 0, 0)
    }


def test_the_same_photographs_however_they_are_packed(files, tmp_path):
    flat = {f"{n}.png": encoded(photo(n)) for n in (3, 12)}
    (tmp_path / "deep/er").mkdir(parents=True)
    for name, content in flat.items():
        (tmp_path / "deep/er" / name).write_bytes(content)
    (tmp_path / "deep/.hidden.png").write_bytes(b"")
    (tmp_path / "deep/notes.txt").write_bytes(b"")
    zipped = releases.packed_zip(tmp_path / "x.zip", dict(reversed(flat.items())))
    first, *others = [
        mnistm.photographs(each) for each in (files / "BSR_bsds500.tgz", files, tmp_path / "deep", zipped)
    ]
    assert len(first.images) == 2  # of BSDS500 those for training
    for other in others:
        assert other.sha256 == first.sha256
        assert all(map(np.array_equal, other.images, first.images))


def test_bad_photographs(tmp_path, monkeypatch):
    folder = tmp_path / "photos"
    folder.mkdir()
    assert "holds no photographs" in refused(lambda: mnistm.photographs(folder))
    (folder / "a.png").write_bytes(encoded(photo(1)))
    (folder / "b.png").write_bytes(encoded(photo(1, 27, 100)))
    assert "b.png is 100x27 pixels" in refused(lambda: mnistm.photographs(folder))
    (folder / "b.png").write_bytes(encoded(photo(1))[:-50])
    assert "b.png is damaged" in refused(lambda: mnistm.photographs(folder))
    (folder / "b.png").write_bytes(encoded(photo(1)[:, :, 0]))
    assert [image.shape for image in mnistm.photographs(folder).images] == [(40, 50, 3)] * 2
    monkeypatch.setattr(mnistm, "MAX_PIXELS", 3000)
    assert "pixels of photographs" in refused(lambda: mnistm.photographs(folder))


def numbers(*values):
    return [f"{value:06d}" for value in values]


@pytest.fixture
def mine(tmp_path):
    return releases.celeba(tmp_path / "mine")


def test_faces_are_cut_and_scaled(mine):
    found = celeba.find(mine)
    assert found.chosen == {"train": numbers(1, 2, 3, 162770), "test": numbers(182638, 182639)}
    columns, rows = releases.attributes(FACES)
    for split, chosen in found.chosen.items():
        images, labels = celeba.celeba(found, split)
        assert (images.dtype, tuple(images.shape)) == (torch.uint8, (len(chosen), 3, 64, 64))
        assert (labels.dtype, tuple(labels.shape)) == (torch.uint8, (len(chosen), 13))
        for i, number in enumerate(map(int, chosen)):
            jpeg = Image.open(io.BytesIO(encoded(releases.face(number), "JPEG", quality=95)))
            cut = jpeg.crop((15, 35, 163, 183)).resize((64, 64), Resampling.BILINEAR)
            assert np.array_equal(images[i].permute(1, 2, 0), cut)
            assert labels[i].tolist() == [int(rows[number][columns.index(name)] == 1) for name in ATTRIBUTES]


def test_the_first_of_each_partition_up_to_the_course_s_size(mine, monkeypatch):
    monkeypatch.setattr(celeba, "COUNTS", {"train": 3, "test": 1})
    found = celeba.find(mine)
    assert found.chosen == {"train": numbers(1, 2, 3), "test": numbers(182638)}
    assert len(celeba.celeba(found, "train")[0]) == 3


def test_the_partition_is_read_where_it_is_there(mine):
    assert celeba.find(mine).official
    lines = (mine / "list_eval_partition.txt").read_text().splitlines()
    lines[0] = lines[0][:-1] + "2"
    (mine / "list_eval_partition.txt").write_text("\n".join(lines))
    assert celeba.find(mine).chosen == {"train": numbers(2, 3, 162770), "test": numbers(1, 182638, 182639)}
    (mine / "list_eval_partition.txt").unlink()
    found = celeba.find(mine)
    assert not found.official
    assert found.chosen == {"train": numbers(1, 2, 3, 162770), "test": numbers(182638, 182639)}


def unpacked(mine):
    shutil.unpack_archive(mine / "img_align_celeba.zip", mine)
    (mine / "img_align_celeba.zip").unlink()
    return mine


def both_kinds(mine):
    """The original images beside the aligned ones, under the same numbers."""
    folder = unpacked(mine)
    shutil.copytree(folder / "img_align_celeba", folder / "img_celeba")
    for path in (folder / "img_celeba").iterdir():
        path.write_bytes(b"")
    return folder


def all_in_one(mine):
    folder = unpacked(mine)
    shutil.make_archive(str(folder.parent / "all"), "zip", folder)
    return folder.parent / "all.zip"


def tables_of_kaggle(mine):
    columns, rows = releases.attributes(FACES)
    lines = [f"{n:06d}.jpg," + ",".join(map(str, row)) for n, row in rows.items()]
    (mine / "list_attr_celeba.csv").write_text("\n".join([",".join(["image_id", *columns]), *lines, ""]))
    text = (mine / "list_eval_partition.txt").read_text().replace(" ", ",")
    (mine / "list_eval_partition.csv").write_text("image_id,partition\n" + text)
    (mine / "list_attr_celeba.txt").unlink()
    (mine / "list_eval_partition.txt").unlink()
    return mine


def packed_on_windows(mine):
    content = {str(path.relative_to(mine)): path.read_bytes() for path in unpacked(mine).rglob("*") if path.is_file()}
    shutil.rmtree(mine)
    mine.mkdir()
    names = {"img_align_celeba\\": b"", "__MACOSX\\._000001.jpg": b""}
    names |= {name.replace("/", "\\"): data for name, data in content.items()}
    releases.packed_zip(mine / "archive.zip", names)
    return mine


def packed_with_tar(mine):
    folder = all_in_one(mine)
    shutil.rmtree(mine)
    (mine / "below").mkdir(parents=True)
    with zipfile.ZipFile(folder) as archive:
        names = {f"./top/{name}": archive.read(name) for name in archive.namelist() if not name.endswith("/")}
    (mine / "below/mine.tar.gz").write_bytes(releases.packed_tar(names))
    return mine


def as_the_authors_have_it(mine):
    for folder, part in (("Img", "img_align"), ("Anno", "list_attr"), ("Eval", "list_eval")):
        (mine / folder).mkdir()
        for path in list(mine.glob(f"{part}*")):
            path.rename(mine / folder / path.name)
    releases.packed_zip(mine / "Img/a.zip", {"000001.jpg": b"none"})
    return mine


@pytest.mark.parametrize(
    "arrange",
    [
        packed_on_windows,
        packed_with_tar,
        as_the_authors_have_it,
        lambda mine: mine / "img_align_celeba.zip",
        unpacked,
        lambda mine: unpacked(mine) / "img_align_celeba",
        both_kinds,
        all_in_one,
        tables_of_kaggle,
    ],
    ids=["windows", "tar", "Img", "the zip", "unpacked", "folder of images", "img_celeba too", "one archive", "csv"],
)
def test_copies_of_celeba_look_different_and_give_the_same(mine, arrange):
    before = celeba.find(mine)
    wanted = celeba.celeba(before, "train")
    found = celeba.find(arrange(mine))
    assert found.chosen == before.chosen
    assert found.official
    assert all(map(torch.equal, celeba.celeba(found, "train"), wanted))


def table(text):
    return lambda mine: (mine / "list_attr_celeba.txt").write_text(text)


def edit(old, new):
    def spoil(mine):
        text = (mine / "list_attr_celeba.txt").read_text()
        assert old in text
        (mine / "list_attr_celeba.txt").write_text(text.replace(old, new, 1))

    return spoil


def image(content):
    return lambda mine: (unpacked(mine) / "img_align_celeba/000002.jpg").write_bytes(content)


BAD = {
    "no attributes": (lambda mine: (mine / "list_attr_celeba.txt").unlink(), "list_attr_celeba.txt is neither"),
    "empty attributes": (table(""), "no header with CelebA's attributes"),
    "another table": (table("a,b\n1,2\n"), "no header with CelebA's attributes"),
    "an attribute lacks": (edit("Smiling", "Grinning"), "row 2: column Smiling is missing"),
    "short row": (edit("000002.jpg ", "000002.jpg\n"), "row 4: has 0 values, the header 40"),
    "strange value": (
        lambda mine: table((mine / "list_attr_celeba.txt").read_text().replace(" 1", " 7"))(mine),
        "an attribute is '7'",
    ),
    "partition": (lambda mine: (mine / "list_eval_partition.txt").write_text("000001.jpg 3\n"), "row 1: is no name"),
    "no test images": (lambda mine: releases.celeba(mine, (1, 2)), "no image of the official test partition"),
    "no images": (lambda mine: releases.packed_zip(mine / "img_align_celeba.zip", {}), "holds no CelebA images"),
    "in an archive": (
        lambda mine: releases.packed_zip(mine / "img_align_celeba.zip", {"in/img_align_celeba.zip": b""}),
        "and in 'img_align_celeba.zip' there is 'in/img_align_celeba.zip', which is not read there; unpack it",
    ),
    "7z": (
        lambda mine: (mine / "img_align_celeba.zip").rename(mine / "img_align_celeba.7z"),
        "there is 'img_align_celeba.7z', which is not read there; unpack it",
    ),
    "nothing": (lambda mine: shutil.rmtree(mine) or mine.mkdir(), "holds no CelebA images"),
    "another size": (image(encoded(photo(1))), "000002.jpg is 50x40 pixels; the aligned images are 178x218"),
    "truncated": (image(encoded(releases.face(2), "JPEG")[:-900]), "000002.jpg is damaged"),
    "text": (image(b"hello"), "000002.jpg is damaged"),
    "twice": (
        lambda mine: shutil.copytree(unpacked(mine) / "img_align_celeba", mine / "b/img_align_celeba"),
        "is there twice",
    ),
}


@pytest.mark.parametrize(("spoil", "says"), BAD.values(), ids=BAD.keys())
def test_bad_copies_of_celeba(mine, spoil, says):
    spoil(mine)
    message = refused(lambda: celeba.celeba(celeba.find(mine), "train"))
    assert says in message
    assert str(mine) in message
