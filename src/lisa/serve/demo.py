"""A page to ask pictures questions; extra `demo`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from lisa.errors import BadInput, LisaError
from lisa.predictor import Chat, Predictor, load
from lisa.segmentation import Segmentation

EXAMPLES = Path(__file__).parents[3] / "examples"
"""The example pictures of a checkout; an installed package has none and shows no examples."""


def launch(model: str, host: str, port: int, share: bool) -> None:
    """Loads the model and serves the page until it is stopped."""
    page = build_page(load(model), find_examples(EXAMPLES))
    page.queue(default_concurrency_limit=1).launch(server_name=host, server_port=port, share=share)


def find_examples(folder: Path) -> list[list[str]]:
    """(picture, instruction) rows of a folder's `examples.json`; none where there is no such file."""
    listing = folder / "examples.json"
    if not listing.is_file():
        return []
    rows = json.loads(listing.read_text(encoding="utf-8"))
    return [[str(folder / row["image"]), row["instruction"]] for row in rows]


def build_page(predictor: Predictor, examples: list[list[str]]) -> gr.Blocks:
    """The page: picture, instruction and answer, and the conversation so far."""
    with gr.Blocks(title="lisa", analytics_enabled=False) as page:
        gr.Markdown(f"# Ask a picture a question\n{predictor.notice}")
        chat: Any = gr.State(None)
        with gr.Row():
            with gr.Column():
                picture = gr.Image(type="numpy", label="Picture")
                instruction = gr.Textbox(label="Instruction", placeholder="Which food has the most vitamin C?")
                with gr.Row():
                    button = gr.Button("Ask", variant="primary")
                    again = gr.Button("Start over")
            with gr.Column():
                marked = gr.AnnotatedImage(label="Answer")
                answer = gr.Markdown()
        if examples:
            gr.Examples(examples, [picture, instruction])

        def ask(image: np.ndarray | None, text: str, session: Chat | None) -> tuple[Any, Chat | None, str]:
            return answer_on_page(predictor, image, text, session)

        for trigger in (button.click, instruction.submit):
            trigger(ask, [picture, instruction, chat], [marked, chat, answer])
        picture.change(lambda: (None, ""), None, [chat, answer])
        again.click(lambda: (None, None, ""), None, [marked, chat, answer])
    return page


def answer_on_page(
    predictor: Predictor, image: np.ndarray | None, text: str, session: Chat | None
) -> tuple[Any, Chat | None, str]:
    """(marked picture, conversation, conversation as Markdown); whatever is wrong becomes a message on the page."""
    try:
        if image is None:
            raise BadInput("there is no picture yet: drop one on the left, or click an example below")
        session = session or predictor.chat(image)
        result = session.ask(text)
    except LisaError as error:
        raise gr.Error(str(error), print_exception=False) from error
    marks = [(mask.astype(np.float32), phrase) for mask, phrase in zip(result.masks, result.phrases)]
    return (image, marks), session, transcript(session)


def transcript(session: Chat) -> str:
    """The conversation, newest last."""
    return "\n\n".join(f"**{t.instruction}**\n\n{_told(r)}" for t, r in zip(session.turns, session.results))


def _told(result: Segmentation) -> str:
    scores = ", ".join(f"{p}: {s:.2f}" for p, s in zip(result.phrases, result.scores))
    return result.text + (f"\n\n<small>{result.score_kind}: {scores}</small>" if scores else "")
