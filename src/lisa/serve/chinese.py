"""Errors and notices in Chinese: those that somebody may meet on a page. All others come in English, and say so."""

from __future__ import annotations

import re

INSTRUCTIONS: tuple[tuple[str, str], ...] = (
    (
        r"the conversation has ([\d,]+) tokens .* up to ([\d,]+), this model reads ([\d,]+) in all: .*",
        "这段对话有 {0} 个词元，回答最多 {1} 个，而这个模型一共只能读 {2} 个：请缩短问题，或者重新开始",
    ),
    (r"this conversation has (\d+) questions already: .*", "这段对话已经有 {0} 个问题：请重新开始再问"),
    (r"the instruction is empty: .*", "问题是空的：请写出要找什么"),
    (r"the instruction has ([\d,]+) characters: shorten it to ([\d,]+) .*", "问题有 {0} 个字符：请缩短到 {1} 个以内"),
    (
        r"the instruction is not valid Unicode at character (\d+): .*",
        "问题的第 {0} 个字符不是有效的 Unicode：请重新输入",
    ),
    (r"the instruction has control character (U\+\w+): .*", "问题里有控制字符 {0}：请删掉再试"),
)

PICTURES: tuple[tuple[str, str], ...] = (
    (r"'(.+)' is no picture that can be read, .*", "“{0}”不是能打开的图片，或者已经损坏：请另存为 PNG 或 JPEG 再试"),
    (r"'(.+)' is damaged or cut off .*", "“{0}”已损坏或不完整：请重新复制一份，或者另存为 PNG"),
    (r"'(.+)' is empty \(0 bytes\): .*", "“{0}”是空文件：请重新复制或下载"),
    (r"'(.+)' has no pixels \((.+)\): .*", "“{0}”里没有像素（{1}）：请换一张图片"),
    (r"'(.+)' has ([\d,]+ × [\d,]+) pixels, over the limit of ([\d,]+): .*",
     "“{0}”有 {1} 像素，超过了上限 {2}：请先缩小图片"),
    (r"'(.+)' has ([\d,]+) bytes, over ([\d,]+): .*", "“{0}”有 {1} 字节，超过了上限 {2}：请换一张小一些的图片"),
    (r"'(.+)' does not fit in the memory: .*", "内存放不下“{0}”：请换一张小一些的图片"),
    (r"'(.+)' holds values that are not numbers .*", "“{0}”里有不是数字的值：请另存为 8 位的 PNG"),
    (r"'(.+)' cannot be read \(.*", "“{0}”读不出来：请检查路径和权限"),
    (r"there is no file '(.+)': .*", "找不到文件“{0}”：请检查路径"),
)  # fmt: skip

NOTES: tuple[tuple[str, str], ...] = (
    (r"write an instruction first: .*", "请先写指令：别人会怎么问这张图片？"),
    (r"a text has at most (\d+) characters", "一段文字最多 {0} 个字符：请缩短"),
    (r"shapes is a list of at most (\d+) outlines", "一张图片最多 {0} 个轮廓：请删掉一些"),
    (r"an outline has a label, target or ignore, and at least three points", "轮廓要有标签（目标或忽略），至少三个点"),
    (r"a point of an outline is a pair of numbers", "轮廓上的点应该是一对数字"),
    (r"draw a box around the thing: .*", "请把框拉大，把东西框在里面"),
    (r"there are (\d+) pictures, none has the number (-?\d+)", "一共 {0} 张图片，没有编号为 {1} 的"),
    (r"this page is not called '(.*)': .*", "这个页面不叫“{0}”：请用它的地址打开"),
    (r"that is too much for one note", "一条标注放不下这么多：请删掉一些"),
)

MODELS: tuple[tuple[str, str], ...] = (
    (r"the memory is full: .*", "内存不够了：请换小一些的图片或模型"),
    (r"there is no model '(.+)': .*", "没有叫“{0}”的模型：请检查 --model"),
    (r"'(.+)' is not on this machine: fetch it first with: (.+)", "这台机器上还没有“{0}”：请先运行 {1}"),
    (r"'(.+)' is here only in part: continue with: (.+)", "“{0}”还没有下载完：请继续运行 {1}"),
    (
        r"'(.+)' needs ([\d.]+ GiB) of .+, ([\d.]+ GiB) is free: .*",
        "“{0}”需要 {1} 内存，现在只有 {2}：请换小一些的模型",
    ),
)

NOTICES: tuple[tuple[str, str], ...] = (
    (r"This small model knows drawn scenes only; .*",
     "这个小模型只认识画出来的场景；照片请用公开发布的权重（`lisa get lisa-7b`）。"),
    (r"This small model knows the streets of CamVid only; .*",
     "这个小模型只认识 CamVid 的街景；其他照片请用公开发布的权重。"),
    (r"This picture is unlike anything this small model was trained on: .*",
     "这张图片和小模型学过的都不一样，回答不可信。照片请用公开发布的权重：`lisa get lisa-7b`，再加 --model lisa-7b。"),
    (r"predicted IoU", "预测的 IoU"),
    (r"mean mask probability .*", "掩码的平均概率（这个模型的 IoU 头没有训练过）"),
)  # fmt: skip

ALL = (*INSTRUCTIONS, *PICTURES, *NOTES, *MODELS, *NOTICES)
"""(pattern of the English text, the Chinese one)"""


def in_chinese(text: str) -> str:
    """A message in Chinese; one that is not known, in its own words, with a Chinese word before it."""
    for pattern, chinese in ALL:
        if found := re.fullmatch(pattern, text, re.DOTALL):
            return chinese.format(*found.groups())
    return f"原文（英语）：{text}" if text else ""
