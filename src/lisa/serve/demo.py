"""A page to ask pictures questions; extra `demo`. It loads nothing from elsewhere and reports nothing to anybody.

It is there once in each language, at addresses of their own; a browser that opens it is sent to its own one.
"""

from __future__ import annotations

import json
import math
import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import gradio as gr
import PIL.Image
from gradio.themes import Default
from gradio.utils import get_upload_folder
from starlette.datastructures import Headers, QueryParams
from starlette.middleware import Middleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from lisa.errors import LisaError, TooLarge, shown
from lisa.images import open_image
from lisa.instructions import check_instruction
from lisa.predictor import Predictor, load
from lisa.segmentation import Segmentation
from lisa.serve.ports import free_port
from lisa.serve.transcript import Conversation, escape, transcript
from lisa.serve.words import EN, LANGUAGES, Words, english_only, preferred, words_of

EXAMPLES = (Path(__file__).parents[1] / "assets" / "examples", Path(__file__).parents[3] / "examples")
"""Where the example pictures lie: in an installed package, in a checkout."""

STYLE = Path(__file__).with_name("page.css")
LONGEST_SIDE = 1600
"""Pixels of a picture as the page shows it; the model and the masks have it at its own size, up to `MOST_PIXELS`."""
MOST_PIXELS = 12_000_000
"""Of a picture that is kept for a conversation; a larger one is reduced."""
MOST_VISITORS = 32
"""Whose conversations are kept; of one more, the oldest goes."""

Example = tuple[str, str]
"""(path of a picture, instruction)"""


class View(NamedTuple):
    """What an action changes on the page, in the order of its outputs; also the components themselves."""

    picture: Any
    talk: Any
    log: Any
    instruction: Any


def launch(
    model: str,
    host: str,
    port: int,
    share: bool,
    language: str | None = None,
    *,
    device: str | None = None,
    dtype: str | None = None,
) -> None:
    """Loads the model and serves the page until it is stopped, in the browser's language if none is given.

    Raises BadInput where it cannot listen, or does not speak the language.
    """
    first = words_of(language or EN.code)
    port = free_port(host, port)
    page = build_page(load(model, device=device, dtype=dtype), find_examples(), first)
    open_page(page, host, port, share, by_browser=language is None)
    print(f"the page is at {page.local_url} (Ctrl-C stops it)", flush=True)
    if share:
        print(f"and at {page.share_url}" if page.share_url else "a public address could not be had", flush=True)
    page.block_thread()


def open_page(page: gr.Blocks, host: str, port: int, share: bool = False, *, by_browser: bool = True) -> None:
    """Serves the page from a thread; `page.close()` ends it. `by_browser`: in the language of who opens it."""
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
        state_session_capacity=MOST_VISITORS,
        footer_links=["settings"],
        app_kwargs={"middleware": [Middleware(ByBrowser)]} if by_browser else {},
        # fonts that every machine has
        theme=Default(primary_hue="blue", font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css=STYLE.read_text(encoding="utf-8"),
    )


class ByBrowser:
    """Sends who opens the page to the one in the browser's language; `?language=` in the address stays where it is."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] in ("", "/"):
            wanted = preferred(Headers(scope=scope).get("accept-language", ""))
            query = scope["query_string"].decode("latin-1")
            if wanted != EN.code and "language" not in QueryParams(query):
                goal = f"{wanted}?{query}" if query else wanted
                return await RedirectResponse(goal)(scope, receive, send)
        return await self.app(scope, receive, send)


def find_examples(*folders: Path) -> list[Example]:
    """The rows of the first `examples.json` in the folders, `EXAMPLES` by default; none where there is no file."""
    for folder in folders or EXAMPLES:
        listing = folder / "examples.json"
        if listing.is_file():
            rows = json.loads(listing.read_text(encoding="utf-8"))
            return [(str(folder / row["image"]), row["instruction"]) for row in rows]
    return []


def build_page(predictor: Predictor, examples: list[Example], first: Words = EN) -> gr.Blocks:
    """The page in every language, `first` at the plain address and the others below it, as at /zh."""
    # uploads and drawn pictures go an hour after their last use, and when the page is stopped
    with gr.Blocks(title="lisa", analytics_enabled=False, delete_cache=(600, 3600)) as page:
        _fill(predictor, examples, first, first)
    for words in LANGUAGES.values():
        if words is not first:
            with page.route(words.name, words.code):
                _fill(predictor, examples, words, first)
    return page


def _fill(predictor: Predictor, examples: list[Example], words: Words, first: Words) -> None:
    """One page: picture and examples beside the conversation; on a narrow screen one below the other."""
    english = english_only(predictor.name)
    gr.HTML(_switch(words, first), apply_default_css=False, js_on_load=None, elem_id="languages")
    gr.Markdown(_head(predictor, words), elem_id="head")
    talk: Any = gr.State(None, time_to_live=6 * 3600)
    with gr.Row(elem_id="room"):
        with gr.Column(scale=6, min_width=300):
            picture = gr.Image(
                label=words.picture,
                show_label=False,
                sources=["upload", "clipboard"],
                height="var(--room-height)",
                buttons=["download", "fullscreen"],
                placeholder=words.put_picture,
                elem_id="picture",
            )
        with gr.Column(scale=5, min_width=300, elem_id="talk"):
            log = gr.HTML(transcript(None, words), apply_default_css=False, js_on_load=None, elem_id="log")
            instruction = gr.Textbox(
                label=words.question,
                show_label=False,
                placeholder=words.ask_about_in_english if english else words.ask_about,
                lines=1,
                max_lines=4,
                submit_btn=words.ask,
                elem_id="question",
            )
            again = gr.Button(words.again, size="sm", elem_id="again")
    with gr.Row(elem_id="examples"):
        buttons = [_example_button(example, words) for example in examples]
    _connect(predictor, examples, View(picture, talk, log, instruction), buttons, again, words)


def _head(predictor: Predictor, words: Words) -> str:
    """The title and what is to be known of the model, as Markdown."""
    notice = words.told(predictor.notice) if predictor.notice else predictor.name
    hint = words.ask_in_english if english_only(predictor.name) else ""
    return f"# {words.title}\n\n{notice}{hint}"


def _switch(words: Words, first: Words) -> str:
    """Links to the page in the other languages."""
    links = [
        f'<a href="{"./" if other is first else other.code}?language={other.code}" lang="{other.code}" '
        f'target="_self">{escape(other.name)}</a>'
        for other in LANGUAGES.values()
        if other is not words
    ]
    return f"<nav>{''.join(links)}</nav>"


def _example_button(example: Example, words: Words) -> gr.Button:
    path, question = example
    button = gr.Button(words.examples.get(question, question), icon=path, size="sm", min_width=0)
    if button.icon:
        # the picture on it has to outlive the hourly clearing
        button.keep_in_cache.add(button.icon["path"])
    return button


def _connect(
    predictor: Predictor, examples: list[Example], view: View, buttons: list[gr.Button], again: Any, words: Words
) -> None:
    """Ties what a person does to what answers it; the model works for one person at a time."""
    # the log itself says what is going on
    turn: dict[str, Any] = {"outputs": list(view), "concurrency_id": "model", "show_progress": "hidden"}

    def ask(text: str, talk: Conversation | None) -> Iterator[View]:
        yield from answer(text, talk, words)

    def clear_all() -> View:
        return start_over(words)

    def put_in(payload: object) -> Iterator[View]:
        yield from take_picture(predictor, payload, words)

    running = [
        view.instruction.submit(ask, [view.instruction, view.talk], **turn),
        view.picture.upload(put_in, [view.picture], preprocess=False, **turn),
    ]
    for button, example in zip(buttons, examples):

        def show(example: Example = example) -> Iterator[View]:
            yield from answer_example(predictor, example, words)

        running.append(button.click(show, None, **turn))
    for clear in (again.click, view.picture.clear):
        clear(clear_all, None, list(view), cancels=running, show_progress="hidden")


def start_over(words: Words = EN) -> View:
    """The page as it was opened."""
    return View(_picture(None, words), None, transcript(None, words), "")


def answer(text: str, talk: Conversation | None, words: Words = EN) -> Iterator[View]:
    """The page while a question is answered, and after."""
    try:
        question = check_instruction(text)
        problem = words.no_picture if talk is None else ""
    except LisaError as error:
        question, problem = "", _sentence(error, words)
    if talk is None or problem:
        yield View(gr.skip(), talk, transcript(talk, words, problem=problem), gr.skip())
        return
    yield View(gr.skip(), talk, transcript(talk, words, pending=question), "")
    try:
        result = talk.ask(question, words)
        yield View(_marked_picture(result, words), talk, transcript(talk, words), gr.skip())
    except Exception as error:
        yield View(gr.skip(), talk, transcript(talk, words, problem=_sentence(error, words)), text)


def answer_example(predictor: Predictor, example: Example, words: Words = EN) -> Iterator[View]:
    """The page while an example is shown and answered, and after."""
    path, question = example[0], words.question_for(predictor.name, example[1])
    yield View(_picture(PIL.Image.open(path), words), None, transcript(None, words, pending=question), "")
    try:
        talk = Conversation(predictor.chat(path))
    except Exception as error:
        yield View(gr.skip(), None, transcript(None, words, problem=_sentence(error, words)), question)
        return
    yield from answer(question, talk, words)


def take_picture(predictor: Predictor, payload: object, words: Words = EN) -> Iterator[View]:
    """The page after a file was put in, whatever that file is; `payload` is what a browser, or anybody, says of it."""
    sent = payload if isinstance(payload, dict) else {}
    path = _uploaded(sent.get("path"))
    if path is None:
        yield View(_picture(None, words), None, transcript(None, words, problem=words.no_upload), gr.skip())
        return
    yield View(gr.skip(), None, transcript(None, words, pending=""), gr.skip())
    try:
        whole = PIL.Image.fromarray(open_image(path))
        picture = _at_most(whole, MOST_PIXELS)
        note = words.now_ask
        if picture.size != whole.size:
            note = f"{words.reduced.format(width=picture.width, height=picture.height)} {note}"
        talk = Conversation(predictor.chat(picture), note)
        yield View(_picture(picture, words), talk, transcript(talk, words), gr.skip())
    except Exception as error:
        name = sent.get("orig_name") or path.name
        problem = _sentence(error, words, names={shown(path): shown(name)})
        yield View(_picture(None, words), None, transcript(None, words, problem=problem), gr.skip())


def _uploaded(path: object) -> Path | None:
    """The file, if the page received it: of others nobody outside may learn even whether they are there."""
    try:
        found = Path(path).resolve()  # type: ignore[arg-type]
    except (TypeError, ValueError, OSError):
        return None
    return found if found.is_relative_to(Path(get_upload_folder()).resolve()) else None


def _at_most(picture: PIL.Image.Image, pixels: int) -> PIL.Image.Image:
    """The picture, reduced to so many pixels where it has more."""
    share = math.sqrt(pixels / (picture.width * picture.height))
    if share >= 1:
        return picture
    return picture.resize((max(int(picture.width * share), 1), max(int(picture.height * share), 1)), reducing_gap=2)


def _sentence(error: Exception, words: Words, names: Mapping[str, str] = MappingProxyType({})) -> str:
    """What a person is told, by the names that files had there; of a bug the terminal hears more."""
    if isinstance(error, MemoryError | TooLarge):
        return words.memory_full
    if isinstance(error, LisaError):
        text = str(error)
        for here, there in names.items():
            text = text.replace(here, there)
        text = words.told(text)
        end = "" if text.endswith((*'.?!"', *"。？！”")) else words.full_stop
        return text[:1].upper() + text[1:] + end
    traceback.print_exception(error, file=sys.stderr)
    return words.a_bug


def _picture(picture: PIL.Image.Image | None, words: Words) -> Any:
    """The place of the picture, open for another one."""
    value = None if picture is None else _reduced(picture)
    return gr.update(value=value, alt_text=words.picture, interactive=True)


def _marked_picture(result: Segmentation, words: Words) -> Any:
    """The picture of an answer; with it comes a button to keep it instead of one to take it out."""
    things = words.between.join(result.phrases)
    about = words.marked.format(things=things) if len(result) else words.picture
    return gr.update(value=_reduced(result.overlay()), alt_text=about, interactive=False)


def _reduced(picture: PIL.Image.Image) -> PIL.Image.Image:
    """A copy small enough to be sent around."""
    picture = picture.convert("RGB")
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return picture
