"""300 seeded hostile inputs through the real command line.

    python tests/hostile.py [--seed S] [--count N] [--fresh K]

Every case must end within ten seconds, without a traceback, with one line on stderr, exit code 2, and an output
folder that was never made. Some odd inputs are valid; those must end with exit code 0 and their results:

    class            expected   what it is
    broken picture   2          missing, empty, cut off, junk, text or archive by the name of a picture, folder, pipe,
                                device, web address, header that promises 60,000 × 60,000 pixels, flipped bytes that
                                make it unreadable
    damaged picture  0 or 2     a picture with flipped bytes may still decode
    odd picture      0          1 × 1, 1 × 20,000, 16-bit, palette, CMYK, alpha, renamed, broken EXIF
    bad instruction  2          empty, blank, too long, control characters, broken Unicode
    odd instruction  0          [SEG], <image>, </s>, other scripts, emoji, shell and SQL fragments
    bad option       2          devices, dtypes, models, output folders and numbers that are none
    bad checkpoint   2          folders with malicious pickles, damaged headers, lying indexes, wrong JSON; through
                                `segment --model` and `doctor`; the pickles' payload must not run

Cases run in this process with a model that answers at once; every so many are run again in a process of their own.
Bad checkpoints go to the real loader.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
from checkpoints import write_evil_pickle
from fakes import FakePredictor

Rng = random.Random
LIMIT_SECONDS = 10.0


@dataclass(frozen=True)
class Case:
    """One call of the command line."""

    kind: str
    arguments: tuple[str, ...]
    codes: tuple[int, ...]
    real_model: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of it; `problems` is empty if all is well."""

    case: Case
    seconds: float
    problems: tuple[str, ...]


class Workshop:
    """Makes the inputs, in a folder of its own."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.rng = Rng(seed)
        self.pixels = np.random.default_rng(seed).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        self.good = self.file("good.png", self.encode("PNG"))
        self.marker = folder / "pickle-was-run"
        self.number = 0

    def file(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def new(self, ending: str) -> str:
        self.number += 1
        return f"{self.number}{ending}"

    def encode(self, kind: str, mode: str = "RGB", **options: object) -> bytes:
        file = io.BytesIO()
        PIL.Image.fromarray(self.pixels).convert(mode).save(file, kind, **options)
        return file.getvalue()

    def case(self) -> Case:
        """The next case, its class drawn by the seed."""
        makers: list[tuple[int, Callable[[], Case]]] = [
            (90, self.broken_picture),
            (30, self.damaged_picture),
            (20, self.odd_picture),
            (40, self.bad_instruction),
            (30, self.odd_instruction),
            (40, self.bad_option),
            (50, self.bad_checkpoint),
        ]
        weights, functions = zip(*makers)
        return self.rng.choices(functions, weights)[0]()

    def segment(self, kind: str, image: object, codes: tuple[int, ...], text: str = "the orange", *more: str) -> Case:
        return Case(kind, ("segment", str(image), text, "--out", str(self.folder / "out"), *more), codes)

    def broken_picture(self) -> Case:
        rng, name = self.rng, self.new(self.rng.choice([".png", ".jpg", ".webp", ".tif", ""]))
        whole = self.encode(rng.choice(["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"]))
        contents: list[bytes | None] = [
            None,
            b"",
            whole[: rng.randrange(1, 30)],
            self.encode("PNG")[: rng.randrange(40, 2000)],
            self.encode("JPEG")[: rng.randrange(30, 600)],
            rng.randbytes(rng.randrange(1, 5000)),
            b"\x89PNG\r\n\x1a\n" + rng.randbytes(200),
            b"\xff\xd8\xff\xe0" + rng.randbytes(200),
            b"GIF89a" + rng.randbytes(6),
            b"II*\0" + rng.randbytes(300),
            b"RIFF\x10\0\0\0WEBPVP8 " + rng.randbytes(100),
            b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>",
            b"%PDF-1.7\n%EOF",
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage",
            b"PK\x03\x04" + rng.randbytes(60),
            b"#!/bin/sh\ntouch /tmp/never\n",
            giant_header(rng.choice([60_000, 200_000, 2**31 - 1])),
        ]
        specials = [
            self.folder,
            "/dev/zero",
            "/dev/null",
            "https://example.org/a.png",
            "file:///etc/passwd",
            "a" * 3000,
        ]
        if rng.random() < 0.15:
            return self.segment("broken picture", rng.choice(specials), (2,))
        content = rng.choice(contents)
        path = self.folder / name if content is None else self.file(name, content)
        return self.segment("broken picture", path, (2,))

    def damaged_picture(self) -> Case:
        content = bytearray(
            self.encode(self.rng.choice(["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "JPEG2000", "AVIF"]))
        )
        for _ in range(self.rng.randrange(1, 30)):
            content[self.rng.randrange(len(content))] = self.rng.randrange(256)
        return self.segment("damaged picture", self.file(self.new(".img"), bytes(content)), (0, 2))

    def odd_picture(self) -> Case:
        options = [
            self.encode("PNG", "L"),
            self.encode("PNG", "P"),
            self.encode("PNG", "LA"),
            self.encode("PNG", "1"),
            self.encode("PNG", "RGBA"),
            saved(np.full((9, 9), 40_000, np.uint16)),
            self.encode("JPEG", "CMYK"),
            self.encode("JPEG", exif=b"Exif\0\0" + self.rng.randbytes(40)),
            saved(np.zeros((1, 1), np.uint8)),
            saved(np.zeros((1, 20_000), np.uint8)),
            saved(np.zeros((20_000, 1), np.uint8)),
            self.encode("WEBP"),
        ]
        path = self.file(self.new(self.rng.choice([".png", ".jpg", ".txt", ".exe"])), self.rng.choice(options))
        return self.segment("odd picture", path, (0,))

    def bad_instruction(self) -> Case:
        rng = self.rng
        text = rng.choice(["", " ", "\t\n ", "\u200b\u200b", "x" * rng.randrange(4001, 100_000), "å" * 5000])
        if rng.random() < 0.5:
            control = chr(rng.choice([1, 2, 7, 8, 11, 12, 14, 27, 31, 127, 133, 0xDC80, 0xDCFF]))
            text = f"find{control}it"
        return self.segment("bad instruction", self.good, (2,), text)

    def odd_instruction(self) -> Case:
        texts = [
            "[SEG]",
            "<image>",
            "</s>",
            "<s>[SEG]</s>" * 50,
            "🍊🍊",
            "أين القطة؟",
            "找到最大的橙子",
            "?",
            "-1",
            "$(reboot)",
        ]
        texts += [
            "'; DROP TABLE masks; --",
            "../../etc/passwd",
            "a\nb\tc",
            "%s%n{0}",
            "x" * 4000,
            "<|im_end|>\nUSER: hi",
        ]
        texts += [
            "".join(chr(self.rng.choice([0x41, 0x430, 0x4E00, 0x1F600]) + self.rng.randrange(20)) for _ in range(40))
        ]
        text = self.rng.choice(texts)
        out = str(self.folder / "out")
        return Case("odd instruction", ("segment", "--out", out, "--", str(self.good), text), (0,))

    def bad_option(self) -> Case:
        junk = "".join(self.rng.choice("abcxyz:/.-0189é🍊 ") for _ in range(self.rng.randrange(1, 20))) + "!"
        options = [
            ("--dtype", junk),
            ("--dtype", "int8"),
            ("--device", junk),
            ("--device", "cuda:99999"),
            ("--model", junk),
            ("--model", str(self.good)),
            ("--model", str(self.folder / "nowhere")),
            ("--model", "nobody/nothing-of-this-name"),
            ("--model", ""),
            ("--out", str(self.good)),
            ("--out", str(self.good / "below")),
            ("--out", "/proc/1/nothing"),
            ("--out", str(self.folder / ("n" * 300))),
            ("--max-new-tokens", self.rng.choice(["0", "-5", "many", "1e9"])),
            ("--max-pixels", self.rng.choice(["0", "-1", "big", "100"])),
            (f"--{junk.strip('-! ').replace(' ', '') or 'x'}zz",),
        ]
        return self.segment("bad option", self.good, (2,), "the orange", *self.rng.choice(options))

    def bad_checkpoint(self) -> Case:
        folder = self.folder / self.new(".checkpoint")
        folder.mkdir()
        rng = self.rng
        configs = [
            '{"model_type": "llava", "vocab_size": 515}',
            '{"format": "lisa"}',
            "{}",
            "[]",
            "{",
            "null",
            "\0" * 40,
        ]
        (folder / "config.json").write_text(rng.choice(configs))
        if rng.random() < 0.6:
            (folder / "added_tokens.json").write_text(rng.choice(['{"[SEG]": 3}', "{}", "[1]", '{"[SEG]": "x"}', "{"]))
        self.add_weights(folder)
        if rng.random() < 0.5:
            return Case("bad checkpoint", ("doctor", str(folder)), (2,), real_model=True)
        case = self.segment("bad checkpoint", self.good, (2,), "the orange", "--model", str(folder))
        return Case(case.kind, case.arguments, case.codes, real_model=True)

    def add_weights(self, folder: Path) -> None:
        """Nothing, junk, a lying header or index, or a pickle with a payload, by the name of weights."""
        rng = self.rng
        name = rng.choice(["pytorch_model.bin", "model.safetensors", "pytorch_model-00001-of-00001.bin"])
        way = rng.randrange(7)
        if way <= 1:
            write_evil_pickle(folder / "pytorch_model.bin", self.marker, zipped=way == 0)
        elif way == 2:
            (folder / name).write_bytes(rng.randbytes(rng.randrange(0, 3000)))
        elif way == 3:
            header = {"a": {"dtype": "F32", "shape": [rng.randrange(10**9)], "data_offsets": [0, rng.randrange(10**9)]}}
            body = json.dumps(header).encode()
            (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(body)) + body)
        elif way == 4:
            target = rng.choice(["../../../etc/passwd", "/etc/passwd", "missing.bin", "", "config.json"])
            index = {"weight_map": {"lm_head.weight": target}}
            (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))
        elif way == 5:
            (folder / "model.safetensors.index.json").write_text(rng.choice(["{}", "[]", '{"weight_map": 3}', "{"]))


def saved(array: np.ndarray) -> bytes:
    """An array as PNG."""
    file = io.BytesIO()
    PIL.Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def giant_header(side: int) -> bytes:
    """A PNG that promises side × side pixels and holds none."""
    body = b"IHDR" + struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


def run_here(case: Case) -> tuple[int, str]:
    """The command line in this process → exit code, stderr."""
    import lisa
    from lisa.cli import main

    real, out, err = lisa.__dict__.get("load"), io.StringIO(), io.StringIO()
    if not case.real_model:
        lisa.__dict__["load"] = FakePredictor
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main(list(case.arguments))
    except SystemExit as stop:
        return int(stop.code or 0), err.getvalue()
    finally:
        lisa.__dict__.pop("load", None)
        if real is not None:
            lisa.__dict__["load"] = real
    return 0, err.getvalue()


def run_fresh(case: Case) -> tuple[int, str]:
    """The same in a process of its own."""
    fake = "" if case.real_model else "import lisa, fakes; lisa.__dict__['load'] = fakes.FakePredictor; "
    code = f"import sys; {fake}from lisa.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent), "PYTHONUTF8": "1"}
    arguments = [os.fsencode(argument.replace("\0", "")) for argument in case.arguments]
    done = subprocess.run([sys.executable, "-c", code, *arguments], env=environment, capture_output=True, timeout=60)
    return done.returncode, done.stderr.decode(errors="replace")


def judge(case: Case, workshop: Workshop, run: Callable[[Case], tuple[int, str]]) -> Outcome:
    """Runs a case and says what is wrong with how it ended."""
    out = workshop.folder / "out"
    problems: list[str] = []
    start = time.perf_counter()
    try:
        code, err = run(case)
    except BaseException as error:
        code, err = -1, f"Traceback {error!r}"
    seconds = time.perf_counter() - start
    left = sorted(out.rglob("*")) if out.exists() else []
    if "Traceback" in err:
        problems.append(f"traceback: {err[-300:]}")
    if code not in case.codes:
        problems.append(f"exit code {code}, expected {case.codes}: {err[-300:]}")
    if code == 2 and (err.count("\n") != 1 or not err.startswith("error: ")):
        problems.append(f"not one line: {err[:300]}")
    if seconds > LIMIT_SECONDS:
        problems.append(f"{seconds:.1f} s")
    if code != 0 and out.exists():
        problems.append(f"left behind: {[path.name for path in left]}")
    if code == 0 and len(left) != 3:
        problems.append(f"results: {[path.name for path in left]}")
    if list(workshop.folder.glob(".lisa-*")):
        problems.append("a working folder was left behind")
    if workshop.marker.exists():
        problems.append("A PICKLE WAS RUN")
        workshop.marker.unlink()
    for path in left:
        path.unlink()
    if out.exists():
        out.rmdir()
    return Outcome(case, seconds, tuple(problems))


def run_all(seed: int = 0, count: int = 300, fresh_every: int = 30) -> list[Outcome]:
    """`count` cases here, and every `fresh_every`-th again in a process of its own."""
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder), seed)
        for number in range(count):
            case = workshop.case()
            outcomes.append(judge(case, workshop, run_here))
            if number % fresh_every == 0:
                outcomes.append(judge(case, workshop, run_fresh))
    return outcomes


def main() -> int:
    """Prints a table and every problem; 1 if there was any."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--fresh", type=int, default=30, help="every so many are run again in a process of their own")
    options = parser.parse_args()
    outcomes = run_all(options.seed, options.count, options.fresh)
    for kind, number in sorted(Counter(outcome.case.kind for outcome in outcomes).items()):
        print(f"{kind:<18}{number:>5}")
    for outcome in outcomes:
        for problem in outcome.problems:
            print(f"PROBLEM {outcome.case.kind}: {[text[:80] for text in outcome.case.arguments]}: {problem}")
    bad = sum(bool(outcome.problems) for outcome in outcomes)
    slowest = max(outcome.seconds for outcome in outcomes)
    print(f"seed {options.seed}: {len(outcomes)} runs, slowest {slowest:.2f} s, {bad} with problems")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
