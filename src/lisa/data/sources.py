"""Where the datasets of the recipe come from and under which terms; nobody may redistribute most of them."""

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


SOURCES: dict[str, Source] = {
    "ade20k": Source(
        home="https://groups.csail.mit.edu/vision/datasets/ADE20K/",
        terms="pictures for non-commercial research, annotations BSD-3",
        pictures=20_210,
    ),
    "cocostuff": Source(
        home="https://github.com/nightrome/cocostuff",
        terms="CC BY 4.0, pictures under Flickr's terms",
        pictures=118_287,
    ),
    "mapillary": Source(
        home="https://www.mapillary.com/dataset/vistas",
        terms="research only, by registration",
        pictures=18_000,
    ),
    "pascal_part": Source(
        home="http://roozbehm.info/pascal-parts/pascal-parts.html",
        terms="research; pictures of VOC 2010 under Flickr's terms",
        pictures=10_103,
    ),
    "paco_lvis": Source(
        home="https://github.com/facebookresearch/paco",
        terms="annotations CC BY 4.0, pictures of COCO under Flickr's terms",
        pictures=45_790,
    ),
    "coco": Source(
        home="https://cocodataset.org",
        terms="annotations CC BY 4.0, pictures under Flickr's terms",
        pictures=118_287,
    ),
    "lvis": Source(
        home="https://www.lvisdataset.org",
        terms="annotations CC BY 4.0, pictures of COCO under Flickr's terms",
        pictures=100_170,
    ),
    "refcoco": Source(
        home="https://github.com/lichengunc/refer",
        terms="Apache-2.0, pictures of COCO under Flickr's terms",
        pictures=16_994,
    ),
    "refcoco+": Source(
        home="https://github.com/lichengunc/refer",
        terms="Apache-2.0, pictures of COCO under Flickr's terms",
        pictures=16_992,
    ),
    "refcocog": Source(
        home="https://github.com/lichengunc/refer",
        terms="Apache-2.0, pictures of COCO under Flickr's terms",
        pictures=21_899,
    ),
    "refclef": Source(
        home="https://github.com/lichengunc/refer",
        terms="Apache-2.0, pictures of IAPR TC-12 free for research",
        pictures=17_978,
    ),
    "grefcoco": Source(
        home="https://github.com/henghuiding/gRefCOCO",
        terms="CC BY-NC-SA 4.0, pictures of COCO under Flickr's terms",
        pictures=16_994,
    ),
    "vqa": Source(
        home="https://huggingface.co/datasets/liuhaotian/LLaVA-Instruct-150K",
        terms="CC BY 4.0 under OpenAI's terms of use, pictures of COCO under Flickr's",
        pictures=None,
    ),
    "reason": Source(
        home="https://github.com/dvlab-research/LISA",
        terms="research; pictures of OpenImages (CC BY 2.0) and ScanNet (its own terms)",
        pictures=239,
    ),
    "camvid": Source(
        home="http://mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid/",
        terms="research",
        pictures=367,
    ),
}
"""Name in `lisa data list` → origin."""
