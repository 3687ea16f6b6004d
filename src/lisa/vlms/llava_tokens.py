"""Text ↔ ids exactly as the published LLaVA-v1 / LISA weights were trained: LLaMA's SentencePiece plus added tokens.

Unusual about it, and the reason why no ready-made tokenizer is used: every stretch of text between added tokens is
encoded on its own and so gets its own word-start mark ("[SEG]." is `[SEG] ▁.`), and white space beside `[SEG]`,
`<im_start>` and `<im_end>` disappears while beside `<s>`, `</s>` and `<unk>` it stays. Newer tokenizers do neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from sentencepiece import SentencePieceProcessor

from lisa.vlms.pieces import Piece, runs

IMAGE = "<image>"
IMAGE_ID = -200
"""Stands for the picture in the ids of `encode`; no row of any embedding."""

BOS, EOS, UNK = "<s>", "</s>", "<unk>"


class LlamaTokens:
    """LLaMA's SentencePiece model and the tokens that were added to it."""

    def __init__(self, model: Path | bytes, added: Mapping[str, int]) -> None:
        """`model`: path or content of `tokenizer.model`; `added`: what `added_tokens.json` holds, name → id."""
        self.pieces = (
            SentencePieceProcessor(model_proto=model)
            if isinstance(model, bytes)
            else SentencePieceProcessor(model_file=str(model))
        )
        self.bos, self.eos, self.unk = self.pieces.bos_id(), self.pieces.eos_id(), self.pieces.unk_id()
        self.added = dict(added)
        self.ids = {BOS: self.bos, EOS: self.eos, UNK: self.unk, **self.added, IMAGE: IMAGE_ID}
        self._names = {id: name for name, id in self.ids.items()}
        longest_first = sorted(self.ids, key=len, reverse=True)
        self._pattern = re.compile("|".join(re.escape(name) for name in longest_first))

    def split(self, text: str) -> list[Piece]:
        """Text whose token names all stand for tokens, as the reference reads a whole prompt."""
        pieces, position = [], 0
        for match in self._pattern.finditer(text):
            pieces += [Piece(text[position : match.start()]), Piece(match.group(), token=True)]
            position = match.end()
        return [*pieces, Piece(text[position:])]

    def encode(self, pieces: Iterable[Piece], *, bos: bool = True) -> tuple[list[int], list[bool]]:
        """Pieces → ids, and which of them are learned; `IMAGE_ID` for the picture."""
        found = runs(pieces)
        ids, learned = ([self.bos], [False]) if bos else ([], [])
        for i, run in enumerate(found):
            if run[0].token:
                ids.append(self.ids[run[0].text])
                learned.append(run[0].learned)
                continue
            before, after = (self._strips(found, j) for j in (i - 1, i + 1))
            count, new = self._encode_text(run, strip_left=before, strip_right=after)
            ids += new
            learned += [False] * count + [True] * (len(new) - count)
        return ids, learned

    def decode(self, ids: Sequence[int], *, skip_special: bool = False) -> str:
        """Ids → text: one blank around every added token and, with it, one more before a following `</s>`."""
        if skip_special:
            ids = [id for id in ids if id not in (self.bos, self.eos, self.unk)]
        parts: list[str] = []
        for is_added, group in groupby(ids, key=lambda id: self._names.get(id) in self.added):
            run = list(group)
            parts += [self._names[id] for id in run] if is_added else [self._decode_text(run)]
        return " ".join(parts)

    def _strips(self, found: Sequence[Sequence[Piece]], index: int) -> bool:
        """Whether the run there is an added token, which takes the white space beside it away."""
        return 0 <= index < len(found) and found[index][0].token and found[index][0].text in self.added

    def _encode_text(self, run: Sequence[Piece], *, strip_left: bool, strip_right: bool) -> tuple[int, list[int]]:
        """How many tokens come before the answer begins, and all ids. Only the end of a run can be an answer."""
        text = "".join(piece.text for piece in run)
        asked = "".join(piece.text for piece in run if not piece.learned)
        if strip_left:
            text, asked = text.lstrip(), asked.lstrip()
        if strip_right:
            text = text.rstrip()
            asked = asked[: len(text)]
        return len(self.pieces.encode(asked)), self.pieces.encode(text)

    def _decode_text(self, ids: Sequence[int]) -> str:
        """Ids without added tokens → text, `<s>`, `</s>` and `<unk>` written out."""
        text, run = "", []
        previous = False
        for i, id in enumerate(ids):
            special = id in (self.bos, self.eos, self.unk)
            if special:
                gap = " " if i and not previous else ""
                text, run = text + gap + self.pieces.decode(run) + self._names[id], []
            elif 0 <= id < self.pieces.get_piece_size():  # rows of the embedding beyond both vocabularies say nothing
                run.append(id)
            previous = special
        return text + self.pieces.decode(run)
