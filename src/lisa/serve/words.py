"""What the pages say, one table a language, and which language a person reads."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lisa.errors import BadInput, nearest, shown
from lisa.serve.chinese import in_chinese

ENGLISH_ONLY = re.compile(r"tiny-base|lisa-\d+b.*", re.IGNORECASE)
"""Names of models that were taught questions in English alone."""


def same(text: str) -> str:
    """The text as it is."""
    return text


@dataclass(frozen=True, kw_only=True)
class Words:
    """All that the page of `lisa demo` says in one language. What is filled in stands in braces."""

    code: str
    """As in HTML's `lang`, and in the page's address."""
    name: str
    """Of the language, as those call it who speak it."""
    title: str
    picture: str
    put_picture: str
    question: str
    ask_about: str
    ask_about_in_english: str
    """The same where a model knows English alone."""
    ask: str
    again: str
    welcome: str
    now_ask: str
    looking: str
    conversation: str
    marked: str
    between: str
    """Between two things that are marked."""
    no_pixel: str
    save_mask: str
    score_note: str
    no_picture: str
    no_upload: str
    reduced: str
    memory_full: str
    a_bug: str
    full_stop: str = "."
    ask_in_english: str = ""
    """What is to be known of a model that knows English alone."""
    examples: Mapping[str, str] = field(default_factory=dict)
    """Question of an example in English → in this language."""
    told: Callable[[str], str] = same
    """Messages that come from elsewhere, errors and notices, in this language."""

    def question_for(self, model: str, question: str) -> str:
        """The question of an example as a model of this name is asked it on the page in this language."""
        return question if english_only(model) else self.examples.get(question, question)


EN = Words(
    code="en",
    name="English",
    title="Ask a picture a question",
    picture="The picture",
    put_picture="Put a picture here",
    question="Question",
    ask_about="Ask about the picture",
    ask_about_in_english="Ask about the picture",
    ask="Ask",
    again="Start over",
    welcome="Click an example, or put in a picture of your own and ask about it.",
    now_ask="Now ask about the picture. Later questions may refer to earlier answers.",
    looking="Looking",
    conversation="Conversation",
    marked="The picture with {things} marked",
    between=" and ",
    no_pixel="no pixel marked",
    save_mask="Save mask",
    score_note=(
        "The number is the {kind}, from 0 to 1: how well the model believes the outline to fit. "
        "It does not say whether the right thing was taken."
    ),
    no_picture="There is no picture yet: put one in, or click an example.",
    no_upload="No picture has arrived here: put it in again.",
    reduced="The picture was large: here it has {width} × {height} pixels, and so have the masks.",
    memory_full="The memory is full: take a smaller picture, or start over.",
    a_bug="Something went wrong inside lisa. The terminal that runs this page says what.",
)

ZH = Words(
    code="zh",
    name="中文",
    title="看图提问，圈出答案",
    picture="图片",
    put_picture="把图片放到这里",
    question="问题",
    ask_about="问问这张图片",
    ask_about_in_english="用英语问问这张图片",
    ask="提问",
    again="重新开始",
    welcome="点一个示例，或者放入自己的图片再提问。",
    now_ask="现在可以提问了。后面的问题可以接着前面的回答问。",
    looking="正在看图",
    conversation="对话",
    marked="标出了{things}的图片",
    between="和",
    no_pixel="没有标出像素",
    save_mask="保存掩码",
    score_note="数字是{kind}，从 0 到 1：模型认为轮廓有多准。它不说明找的东西对不对。",
    no_picture="还没有图片：请放入一张，或者点一个示例。",
    no_upload="图片没有传过来：请重新放入。",
    reduced="图片很大，这里缩小到了 {width} × {height} 像素，掩码也是这个大小。",
    memory_full="内存不够了：请换一张小一些的图片，或者重新开始。",
    a_bug="lisa 内部出错了，原因写在运行这个页面的终端里。",
    full_stop="。",
    ask_in_english="这个模型只学过英语：请用英语提问。点示例时，问出去的是对应的英语问题。",
    examples={
        "Which food has the most vitamin C?": "哪种食物的维生素C最多？",
        "What can make the woman stand higher? Please explain why.": "什么能让女人站得高一点？请解释为什么。",
        "Which lens is more suitable for photographing near objects?": "哪个镜头更适合拍近处的东西？",
        "What keeps the baby safe?": "哪个东西能保护宝宝？",
        "Who is Lisa?": "谁是丽莎？",
    },
    told=in_chinese,
)

LANGUAGES: Mapping[str, Words] = {words.code: words for words in (EN, ZH)}


def english_only(model: str) -> bool:
    """Whether a model of this name is asked in English on every page."""
    return ENGLISH_ONLY.fullmatch(model) is not None


def words_of(language: str) -> Words:
    """The table of a language. Raises BadInput where there is none."""
    if language not in LANGUAGES:
        raise BadInput(f"the pages do not speak {shown(language)}: {nearest(language, LANGUAGES)}")
    return LANGUAGES[language]


def preferred(accepted: str) -> str:
    """The language that a browser asks for in its Accept-Language, English where it asks for none of ours."""
    found: list[tuple[float, int, str]] = []
    for place, part in enumerate(accepted.split(",")):
        tag, _, weight = part.partition(";")
        code = tag.strip().lower().partition("-")[0]
        share = re.fullmatch(r"\s*q=([01](?:\.\d+)?)\s*", weight)
        wish = 1.0 if not weight else float(share[1]) if share else 0.0
        if code in LANGUAGES and wish > 0:
            found.append((-wish, place, code))
    return min(found)[2] if found else EN.code
