"""A page to ask pictures questions; extra `demo`. It loads nothing from elsewhere and reports nothing to anybody."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import PIL.Image
import torch
from gradio.themes import Default

from lisa.errors import BadInput, LisaError, shown
from lisa.instructions import check_instruction
from lisa.predictor import Chat, Predictor, load
from lisa.segmentation import Segmentation
from lisa.serve.ports import free_port
from lisa.serve.transcript import transcript

EXAMPLES = (Path(__file__).parents[1] / "assets" / "examples", Path(__file__).parents[3] / "examples")
"""Where the example pictures lie: in an installed package, in a checkout."""

STYLE = Path(__file__).with_name("page.css")
LONGEST_SIDE = 1600
"""Pixels of a picture as the page shows it; the model and the masks have it at its own size."""

NO_PICTURE = "There is no picture yet: put one in, or click an example."
A_BUG = "Something went wrong inside lisa. The terminal that runs this page says what."

Example = tuple[str, str]
"""(path of a picture, instruction)"""


class View(NamedTuple):
    """What an action changes on the page, in the order of its outputs; also the components themselves."""

    picture: Any
    chat: Any
    log: Any
    instruction: Any


def launch(model: str, host: str, port: int, share: bool) -> None:
    """Loads the model and serves the page until it is stopped. Raises BadInput where it cannot listen."""
    port = free_port(host, port)
    page = build_page(load(model), find_examples())
    open_page(page, host, port, share)
    print(f"the page is at {page.local_url} (Ctrl-C stops it)", flush=True)
    if share:
        print(f"and at {page.share_url}" if page.share_url else "a public address could not be had", flush=True)
    page.block_thread()


def open_page(page: gr.Blocks, host: str, port: int, share: bool = False) -> None:
    """Serves the page from a thread; `page.close()` ends it."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    page.launch(
        server_name=host,
        server_port=port,
        share=share,
        prevent_thread_lock=True,
        quiet=True,
        ssr_mode=False,
        run_history=False,
        max_file_size="100mb",
        footer_links=["settings"],
        # fonts that every machine has
        theme=Default(primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css=STYLE.read_text(encoding="utf-8"),
    )


def find_examples(*folders: Path) -> list[Example]:
    """The rows of the first `examples.json` in the folders, `EXAMPLES` by default; none where there is no file."""
    for folder in folders or EXAMPLES:
        listing = folder / "examples.json"
        if listing.is_file():
            rows = json.loads(listing.read_text(encoding="utf-8"))
            return [(str(folder / row["image"]), row["instruction"]) for row in rows]
    return []


def build_page(predictor: Predictor, examples: list[Example]) -> gr.Blocks:
    """The page: picture and examples beside the conversation; on a narrow screen one below the other."""
    # uploads and drawn pictures go an hour after their last use, and when the page is stopped
    with gr.Blocks(title="lisa", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        gr.Markdown(f"# Ask a picture a question\n\n{predictor.notice or predictor.name}", elem_id="head")
        chat: Any = gr.State(None, time_to_live=6 * 3600)
        with gr.Row(elem_id="room"):
            with gr.Column(scale=6, min_width=300):
                picture = gr.Image(
                    label="Picture",
                    show_label=False,
                    sources=["upload", "clipboard"],
                    height="var(--room-height)",
                    buttons=["download", "fullscreen"],
                    placeholder="Put a picture here",
                    elem_id="picture",
                )
            with gr.Column(scale=5, min_width=300, elem_id="talk"):
                log = gr.HTML(transcript(None), apply_default_css=False, js_on_load=None, elem_id="log")
                instruction = gr.Textbox(
                    label="Question",
                    show_label=False,
                    placeholder="Ask about the picture",
                    lines=1,
                    max_lines=4,
                    submit_btn="Ask",
                    elem_id="question",
                )
                again = gr.Button("Start over", size="sm", elem_id="again")
        with gr.Row(elem_id="examples"):
            buttons = [_example_button(example) for example in examples]
        _connect(predictor, examples, View(picture, chat, log, instruction), buttons, again)
    return page


def _example_button(example: Example) -> gr.Button:
    path, question = example
    button = gr.Button(question, icon=path, size="sm", min_width=0)
    if button.icon:
        # the picture on it has to outlive the hourly clearing
        button.keep_in_cache.add(button.icon["path"])
    return button


def _connect(predictor: Predictor, examples: list[Example], view: View, buttons: list[gr.Button], again: Any) -> None:
    """Ties what a person does to what answers it; the model works for one person at a time."""
    # the log itself says what is going on
    turn: dict[str, Any] = {"outputs": list(view), "concurrency_id": "model", "show_progress": "hidden"}

    def ask(text: str, chat: Chat | None) -> Iterator[View]:
        yield from answer(text, chat)

    def put_in(payload: dict[str, Any] | None) -> Iterator[View]:
        yield from take_picture(predictor, payload)

    running = [
        view.instruction.submit(ask, [view.instruction, view.chat], **turn),
        view.picture.upload(put_in, [view.picture], preprocess=False, **turn),
    ]
    for button, example in zip(buttons, examples):

        def show(example: Example = example) -> Iterator[View]:
            yield from answer_example(predictor, example)

        running.append(button.click(show, None, **turn))
    for clear in (again.click, view.picture.clear):
        clear(start_over, None, list(view), cancels=running, show_progress="hidden")


def start_over() -> View:
    """The page as it was opened."""
    return View(_picture(None), None, transcript(None), "")


def answer(text: str, chat: Chat | None) -> Iterator[View]:
    """The page while a question is answered, and after."""
    try:
        question = check_instruction(text)
        if chat is None:
            raise BadInput(NO_PICTURE)
    except LisaError as error:
        yield View(gr.skip(), chat, transcript(chat, problem=_sentence(error)), gr.skip())
        return
    yield View(gr.skip(), chat, transcript(chat, pending=question), "")
    try:
        result = chat.ask(question)
        yield View(_marked_picture(result), chat, transcript(chat), gr.skip())
    except Exception as error:
        yield View(gr.skip(), chat, transcript(chat, problem=_sentence(error)), text)


def answer_example(predictor: Predictor, example: Example) -> Iterator[View]:
    """The page while an example is shown and answered, and after."""
    path, question = example
    yield View(_picture(PIL.Image.open(path)), None, transcript(None, pending=question), "")
    yield from answer(question, predictor.chat(path))


def take_picture(predictor: Predictor, payload: dict[str, Any] | None) -> Iterator[View]:
    """The page after a file was put in, whatever that file is."""
    path = (payload or {}).get("path")
    if not path:
        yield start_over()
        return
    yield View(gr.skip(), None, transcript(None, pending=""), gr.skip())
    try:
        encoded = predictor.encode(path)
        chat = predictor.chat(encoded)
        yield View(_picture(PIL.Image.fromarray(encoded.image)), chat, transcript(chat), gr.skip())
    except Exception as error:
        name = (payload or {}).get("orig_name") or Path(path).name
        problem = _sentence(error).replace(shown(path), shown(name))
        yield View(_picture(None), None, transcript(None, problem=problem), gr.skip())


def _sentence(error: Exception) -> str:
    """What a person is told; of a bug the terminal hears more."""
    if isinstance(error, LisaError):
        text = str(error)
        return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!", '"')) else ".")
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return "The memory is full: take a smaller picture."
    traceback.print_exception(error, file=sys.stderr)
    return A_BUG


def _picture(picture: PIL.Image.Image | None) -> Any:
    """The place of the picture, open for another one."""
    value = None if picture is None else _reduced(picture)
    return gr.update(value=value, alt_text="The picture", interactive=True)


def _marked_picture(result: Segmentation) -> Any:
    """The picture of an answer; with it comes a button to keep it instead of one to take it out."""
    about = f"The picture with {' and '.join(result.phrases)} marked" if len(result) else "The picture"
    return gr.update(value=_reduced(result.overlay()), alt_text=about, interactive=False)


def _reduced(picture: PIL.Image.Image) -> PIL.Image.Image:
    """A copy small enough to be sent around."""
    picture = picture.convert("RGB")
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return picture
