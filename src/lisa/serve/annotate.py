"""A page on which people make their own reasoning set: outlines, an instruction, an explanation. Extra `serve`.

It listens on this machine only unless told otherwise, loads nothing from elsewhere, and saves every note at once.
"""

import io
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import PIL.Image
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from lisa.data.notes import Notes, note_of, outline_in_box, simple_outlines
from lisa.errors import BadInput, LisaError
from lisa.predictor import Predictor, load
from lisa.serve.ports import free_port
from lisa.serve.words import LANGUAGES, preferred, words_of
from lisa.types import Image

PAGE = Path(__file__).with_name("annotate.html")
MOST_BYTES = 20_000_000
"""Of a request."""


def launch(folder: Path, model: str, host: str, port: int, language: str | None = None) -> None:
    """Serves the page until it is stopped, in the browser's language if none is given.

    Raises Missing without pictures, BadInput where it cannot listen or does not speak the language.
    """
    app = build_app(Notes(folder), lambda: load(model), language)
    port = free_port(host, port)
    print(f"the page is at http://{host}:{port} (Ctrl-C stops it); notes go to {folder / 'reason_seg'}", flush=True)
    uvicorn.run(app, host=host, port=port, log_level="warning")


def build_app(notes: Notes, loader: Callable[[], Predictor], language: str | None = None) -> FastAPI:
    """The page and what it asks for. The model is loaded when it is first asked.

    `language`: of the page, whatever a browser prefers. Raises BadInput for one that it does not speak.
    """
    fixed = words_of(language).code if language else None
    app = FastAPI(openapi_url=None)
    picture = lru_cache(maxsize=4)(notes.image)

    @app.exception_handler(LisaError)
    def say(request: Request, error: LisaError) -> JSONResponse:
        words = LANGUAGES[preferred(request.headers.get("accept-language", ""))]
        return JSONResponse({"problem": words.told(str(error))}, status_code=400)

    @app.get("/")
    def page(request: Request) -> HTMLResponse:
        chosen = fixed or preferred(request.headers.get("accept-language", ""))
        return HTMLResponse(PAGE.read_text(encoding="utf-8").replace("{language}", chosen, 1))

    _keep_notes(app, notes, picture)
    _help(app, loader, picture)
    return app


def _keep_notes(app: FastAPI, notes: Notes, picture: Callable[[int], Image]) -> None:
    """Pictures, and the notes on them."""
    lock = threading.Lock()

    @app.get("/pictures")
    def pictures() -> list[dict[str, object]]:
        return [{"name": p.name, "done": notes.has(i)} for i, p in enumerate(notes.pictures)]

    @app.get("/pictures/{number}/image")
    def image(number: int) -> Response:
        packed = io.BytesIO()
        PIL.Image.fromarray(picture(number)).save(packed, "JPEG", quality=92)
        return Response(packed.getvalue(), media_type="image/jpeg")

    @app.get("/pictures/{number}/note")
    def read(number: int) -> dict[str, object]:
        note = notes.read(number)
        return note.to_json() if note else {"texts": [], "explanation": "", "shapes": []}

    @app.put("/pictures/{number}/note")
    async def write(number: int, request: Request) -> dict[str, object]:
        note = note_of(await _body(request))
        with lock:
            notes.write(number, note)
        return {"saved": True}


def _help(app: FastAPI, loader: Callable[[], Predictor], picture: Callable[[int], Image]) -> None:
    """Outlines that are found for people."""
    lock = threading.Lock()
    predictor = lru_cache(maxsize=1)(loader)

    @app.post("/pictures/{number}/box")
    async def box(number: int, request: Request) -> dict[str, object]:
        data = await _body(request)
        corners = data.get("box") if isinstance(data, dict) else None
        if not isinstance(corners, list) or len(corners) != 4 or not all(isinstance(v, int | float) for v in corners):
            raise BadInput("a box is x0, y0, x1, y1")
        return {"outlines": simple_outlines(outline_in_box(picture(number), tuple(corners)))}  # type: ignore[arg-type]

    @app.post("/pictures/{number}/ask")
    def ask(number: int, data: dict[str, object]) -> dict[str, object]:
        with lock:
            result = predictor().segment(picture(number), str(data.get("text", "")))
        return {"answer": result.text, "outlines": [o for mask in result.masks for o in simple_outlines(mask)]}


async def _body(request: Request) -> object:
    """A request's JSON, from this page only: others cannot send that type without asking first."""
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise BadInput("the page sends application/json")
    if int(request.headers.get("content-length") or 0) > MOST_BYTES:
        raise BadInput("that is too much for one note")
    try:
        return await request.json()
    except (ValueError, RecursionError) as error:
        raise BadInput("the page sent no JSON") from error
