"""The page: an answer, a follow-up, and messages instead of tracebacks."""

from __future__ import annotations

import numpy as np
import pytest

gr = pytest.importorskip("gradio", reason="the page needs the extra `demo`")

from lisa import load  # noqa: E402
from lisa.serve.demo import answer_on_page, build_page, find_examples  # noqa: E402


@pytest.fixture(scope="module")
def tiny():
    return load("tiny", device="cpu")


def test_a_question_and_its_follow_up(tiny):
    image = np.full((60, 80, 3), 200, np.uint8)
    (shown, _), session, text = answer_on_page(tiny, image, "Where is the cup?", None)
    assert shown is image and "Where is the cup?" in text
    _, session, text = answer_on_page(tiny, image, "What colour is it?", session)
    assert session is not None and len(session.turns) == 2 and "What colour is it?" in text


def test_mistakes_become_messages(tiny):
    with pytest.raises(gr.Error, match="no picture yet"):
        answer_on_page(tiny, None, "Where is the cup?", None)
    with pytest.raises(gr.Error, match="instruction is empty"):
        answer_on_page(tiny, np.zeros((9, 9, 3), np.uint8), "  ", None)


def test_the_page_is_built_with_and_without_examples(tiny, tmp_path):
    assert find_examples(tmp_path) == []
    assert isinstance(build_page(tiny, []), gr.Blocks)
