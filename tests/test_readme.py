"""Both READMEs say the same: commands, figures and links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lisa.cli import app, data_commands
from lisa.serve.words import ZH, english_only

ROOT = Path(__file__).parents[1]
ENGLISH, CHINESE = "README.md", "README.zh-CN.md"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    """Lines of code without their comments."""
    lines = "\n".join(re.findall(r"```\w+\n(.*?)```", text, re.DOTALL)).splitlines()
    return [line.partition("  #")[0].rstrip() for line in lines]


def commands(text: str) -> list[str]:
    """Commands of the running text, in its order."""
    return re.findall(r"`((?:lisa|make|pip) [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


def test_both_name_the_same_commands():
    assert blocks(read(ENGLISH)) == blocks(read(CHINESE)) != []
    assert commands(read(ENGLISH)) == commands(read(CHINESE)) != []
    options = [set(re.findall(r"`(--[\w-]+)`", read(name))) for name in (ENGLISH, CHINESE)]
    assert options[0] == options[1] != set()


def test_both_give_the_same_figures():
    figures = [re.findall(r"\d\.\d{3}", read(name)) for name in (ENGLISH, CHINESE)]
    assert figures[0] == figures[1] != []
    heads = [re.findall("(?m)^#+ ", read(name)) for name in (ENGLISH, CHINESE)]
    assert heads[0] == heads[1]


@pytest.mark.parametrize("name", [ENGLISH, CHINESE])
def test_commands_and_links_are_there(name):
    text = read(name)
    known = {c.name or c.callback.__name__ for c in app.registered_commands if c.callback} | {"data"}
    below = {c.name or c.callback.__name__ for c in data_commands.app.registered_commands if c.callback}
    for command in re.findall(r"\blisa ([a-z]+(?: [a-z]+(?:, [a-z]+)*)?)", "\n".join([*commands(text), *blocks(text)])):
        first, _, rest = command.partition(" ")
        assert first in known, command
        assert first != "data" or set(rest.split(", ")) <= below, command
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    assert links and [link for link in links if not (ROOT / link).exists()] == []


def test_they_lead_to_each_other():
    assert "English | [简体中文](README.zh-CN.md)" in read(ENGLISH).splitlines()[:4]
    assert "[English](README.md) | 简体中文" in read(CHINESE).splitlines()[:4]


def test_the_chinese_one_says_how_to_ask():
    rows = re.findall(r"(?m)^\| `examples/\w+\.png` \| (.+?) \| (.+?) \|$", read(CHINESE))
    assert {english: chinese for chinese, english in rows} == dict(ZH.examples)
    taught = not english_only("tiny")
    assert ("没有学过中文" in read(CHINESE)) != taught, "say in both READMEs whether tiny was taught Chinese"
    assert ("taught no Chinese" in read(ENGLISH)) != taught, "say in both READMEs whether tiny was taught Chinese"
