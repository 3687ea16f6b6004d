"""A page on which people make their own reasoning set: outlines, an instruction, an explanation. Extra `serve`.

It listens on this machine only unless told otherwise, loads nothing from elsewhere, and saves every note at once.
"""

import io
import json
import threading
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import PIL.Image
import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from lisa.data.notes import Notes, box_of, note_of, outline_in_box, simple_outlines
from lisa.errors import BadInput, LisaError
from lisa.predictor import Predictor, load
from lisa.serve.ports import check_name, free_port
from lisa.serve.words import LANGUAGES, preferred, words_of
from lisa.types import Image

PAGE = Path(__file__).with_name("annotate.html")
MOST_BYTES = 20_000_000
"""Of a request."""


async def _bytes(request: Request) -> bytes:
    """What this page sent; others cannot send that type without asking first."""
    if request.headers.get("content-type", "").split(";")[0] != "application/json":
        raise BadInput("the page sends application/json")
    found = bytearray()
    async for piece in request.stream():
        found += piece
        if len(found) > MOST_BYTES:
            raise BadInput("that is too much for one note")
    return bytes(found)


def _json(found: Annotated[bytes, Depends(_bytes)]) -> object:
    try:
        return json.loads(found)
    except (ValueError, RecursionError) as error:
        raise BadInput("the page sent no JSON") from error


Sent = Annotated[Any, Depends(_json)]
"""A request's JSON; routes that take it run in threads of their own, so that one does not hold up the others."""


def launch(
    folder: Path,
    model: str,
    host: str,
    port: int,
    language: str | None = None,
    *,
    device: str | None = None,
    dtype: str | None = None,
) -> None:
    """Serves the page until it is stopped, in the browser's language if none is given.

    Raises Missing without pictures, BadInput where it cannot listen or does not speak the language.
    """
    app = build_app(Notes(folder), lambda: load(model, device=device, dtype=dtype), language, host=host)
    port = free_port(host, port)
    print(f"the page is at http://{host}:{port} (Ctrl-C stops it); notes go to {folder / 'reason_seg'}", flush=True)
    uvicorn.run(app, host=host, port=port, log_level="warning")


def build_app(
    notes: Notes, loader: Callable[[], Predictor], language: str | None = None, *, host: str = "localhost"
) -> FastAPI:
    """The page and what it asks for. The model is loaded when it is first asked.

    Args:
        notes: the pictures, and where the notes on them go.
        loader: brings the model.
        language: of the page, whatever a browser prefers.
        host: where it listens.

    Raises:
        BadInput: it does not speak the language.
    """
    fixed = words_of(language).code if language else None

    def called_rightly(request: Request) -> None:
        check_name(request.headers.get("host", ""), host)

    app = FastAPI(openapi_url=None, dependencies=[Depends(called_rightly)])
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
    def write(number: int, data: Sent) -> dict[str, object]:
        note = note_of(data)
        with lock:
            notes.write(number, note)
        return {"saved": True}


def _help(app: FastAPI, loader: Callable[[], Predictor], picture: Callable[[int], Image]) -> None:
    """Outlines that are found for people."""
    lock = threading.Lock()
    predictor = lru_cache(maxsize=1)(loader)

    @app.post("/pictures/{number}/box")
    def box(number: int, data: Sent) -> dict[str, object]:
        return {"outlines": simple_outlines(outline_in_box(picture(number), box_of(data)))}

    @app.post("/pictures/{number}/ask")
    def ask(number: int, data: Sent) -> dict[str, object]:
        text = data.get("text", "") if isinstance(data, dict) else ""
        with lock:
            result = predictor().segment(picture(number), str(text))
        return {"answer": result.text, "outlines": [o for mask in result.masks for o in simple_outlines(mask)]}
