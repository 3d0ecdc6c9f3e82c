"""What each data set is, under which licence, how large, and the files from which it is made.

URLs are those of torchvision's data set classes, where it has one; a test compares them. Each sha256 was found in at
least two public projects that know nothing of each other:

- MNIST, SVHN: torchvision's prototype data sets (2022), and loaders of other projects (torchvision for Ruby, batchup).
  Those of MNIST's unpacked files stand in many projects' loaders.
- USPS: torchvision's prototype data sets, and an evaluation that notes hashes of what it fetched. The sizes were not to
  be had from anybody, so none is given.
- BSDS500: the code of several papers has this sha256 with 70763455 bytes, the size that tensorpack's loader has too.

CelebA is never fetched: its files lie on Google Drive, whose download quota fails most people.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from hwlib.data.download import RemoteFile
from hwlib.errors import WorkbookError


@dataclass(frozen=True)
class Card:
    """One data set.

    upstream, course: number of images for training and for testing, as released and as the course has them (None where
    the course has not got the set, or the ingredient has no such parts).
    files: what `fetch` gets for it; `needs`: other cards whose files it is made from as well.
    """

    name: str
    title: str
    what: str
    licence: str
    citation: str
    homepage: str
    upstream: tuple[int, int] | None
    course: tuple[int, int] | None
    files: tuple[RemoteFile, ...] = ()
    needs: tuple[str, ...] = ()

    @property
    def part(self) -> str:
        """`faces` or `digits`: which problems have a use for it."""
        return "faces" if self.name == "celeba" else "digits"

    @property
    def folder(self) -> str:
        """Where the course layout has it, `face` or `digits/<name>`."""
        return "face" if self.part == "faces" else f"digits/{self.name}"


_MNIST = ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/")
_USPS = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass/"
_SVHN = "http://ufldl.stanford.edu/housenumbers/"
_BSDS = (
    "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/",
    "http://www.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/BSR/",
)


def _file(name: str, sha256: str, size: int | None, *folders: str, content: str | None = None) -> RemoteFile:
    return RemoteFile(name, tuple(folder + name for folder in folders), sha256, size, content)


_CARDS = (
    Card(
        name="usps",
        title="USPS",
        what="handwritten digits from envelopes of the US Postal Service, 16x16 grey, enlarged to 28x28 (bicubic)",
        licence="none stated; distributed freely for research",
        citation="Hull 1994, A Database for Handwritten Text Recognition Research, IEEE PAMI 16(5)",
        homepage="https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass.html#usps",
        upstream=(7291, 2007),
        course=(7291, 2007),
        files=(
            _file("usps.bz2", "3771e9dd6ba685185f89867b6e249233dd74652389f263963b3b741e994b034f", None, _USPS),
            _file("usps.t.bz2", "a9c0164e797d60142a50604917f0baa604f326e9a689698763793fa5d12ffc4e", None, _USPS),
        ),
    ),
    Card(
        name="mnist",
        title="MNIST",
        what="handwritten digits of NIST's forms, 28x28 grey; not of the course: a further set, and what mnistm is of",
        licence="CC BY-SA 3.0",
        citation="LeCun, Bottou, Bengio and Haffner 1998, Gradient-Based Learning Applied to Document Recognition, "
        "Proc. IEEE 86(11)",
        homepage="http://yann.lecun.com/exdb/mnist/",
        upstream=(60000, 10000),
        course=None,
        files=(
            _file(
                "train-images-idx3-ubyte.gz",
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                9912422,
                *_MNIST,
                content="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            _file(
                "train-labels-idx1-ubyte.gz",
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                28881,
                *_MNIST,
                content="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            _file(
                "t10k-images-idx3-ubyte.gz",
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                1648877,
                *_MNIST,
                content="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            _file(
                "t10k-labels-idx1-ubyte.gz",
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                4542,
                *_MNIST,
                content="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ),
    ),
    Card(
        name="mnistm",
        title="MNIST-M",
        what="MNIST's digits over patches of photographs, 28x28 RGB; built here from MNIST and BSDS500, seeded, after "
        "the release, which has no lasting address",
        licence="none stated for the release; it follows from MNIST and BSDS500 (non-commercial)",
        citation="Ganin et al. 2016, Domain-Adversarial Training of Neural Networks, JMLR 17(59)",
        homepage="https://jmlr.org/papers/v17/15-239.html",
        upstream=(59001, 9001),
        course=(60000, 10000),
        needs=("mnist", "bsds500"),
    ),
    Card(
        name="svhn",
        title="SVHN",
        what="digits of house numbers in street photographs, 32x32 RGB, brought to 28x28 (bilinear)",
        licence="non-commercial use only",
        citation="Netzer, Wang, Coates, Bissacco, Wu and Ng 2011, Reading Digits in Natural Images with Unsupervised "
        "Feature Learning, NIPS workshop",
        homepage="http://ufldl.stanford.edu/housenumbers/",
        upstream=(73257, 26032),
        course=(73257, 26032),
        files=(
            _file(
                "train_32x32.mat",
                "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8",
                182040794,
                _SVHN,
            ),
            _file(
                "test_32x32.mat",
                "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b",
                64275384,
                _SVHN,
            ),
        ),
    ),
    Card(
        name="celeba",
        title="CelebA",
        what="faces of celebrities, aligned, 178x218 RGB, here cut and brought to 64x64; 13 of their 40 attributes",
        licence="non-commercial research only",
        citation="Liu, Luo, Wang and Tang 2015, Deep Learning Face Attributes in the Wild, ICCV",
        homepage="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        upstream=(162770, 19962),
        course=(40000, 2621),
    ),
    Card(
        name="bsds500",
        title="BSDS500",
        what="500 photographs of 481x321 or 321x481, an ingredient: mnistm takes its patches from the 200 for training",
        licence="non-commercial research and education only",
        citation="Arbelaez, Maire, Fowlkes and Malik 2011, Contour Detection and Hierarchical Image Segmentation, "
        "IEEE PAMI 33(5)",
        homepage="https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/resources.html",
        upstream=None,
        course=None,
        files=(
            _file(
                "BSR_bsds500.tgz",
                "97e49d31764f3912f0c4122707d53062ac9e783ba0f095e447a4d53c1a41af8e",
                70763455,
                *_BSDS,
            ),
        ),
    ),
)

CARDS: dict[str, Card] = {each.name: each for each in _CARDS}
"""All cards by name, ingredients among them."""

INGREDIENTS = ("bsds500",)
SETS = tuple(name for name in CARDS if name not in INGREDIENTS)
"""What `hw data fetch` makes."""

WITHOUT_A_WORD = ("usps", "mnistm", "svhn")
"""What `hw data fetch` makes when no set is named: the digits of the course."""


def card(name: str) -> Card:
    """Return the card of a set; `WorkbookError` for a name that none has."""
    if name not in SETS:
        raise WorkbookError(f"there is no data set {name!r} to fetch; there are {', '.join(SETS)}")
    return CARDS[name]


def files(name: str, without: Iterable[str] = ()) -> tuple[RemoteFile, ...]:
    """Return all files that a set is made from: its own, and those of its ingredients but the ones `without`."""
    found = CARDS[name].files
    for other in CARDS[name].needs:
        if other not in without:
            found += files(other)
    return found
