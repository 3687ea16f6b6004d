"""Text ↔ ids with any fast tokenizer of transformers, where only what a program wrote can become a special token.

Unusual about it: the text between two special tokens is encoded as a whole, as the tokenizer itself does it, but with
every special or added token put out of its reach; special tokens come in by name. So a typed "</s>" is five letters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from tokenizers import AddedToken, Tokenizer
from transformers import PreTrainedTokenizerBase

from lisa.errors import BadInput
from lisa.types import SEG
from lisa.vlms.pieces import Piece, runs

_ANCHOR = "\ufdd2anchor\ufdd2"
"""Stands before a text that does not begin the conversation; some tokenizers treat the very first word differently."""


class ChatTokens:
    """A tokenizer that has [SEG], for conversations in pieces."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Raises BadInput for a tokenizer that is not a fast one."""
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if not isinstance(backend, Tokenizer):
            raise BadInput(f"{type(tokenizer).__name__} is no fast tokenizer: convert it to a tokenizer.json first")
        self.tokenizer = tokenizer
        tokens = backend.get_added_tokens_decoder()
        # white space that a vocabulary lists (Gemma's "\n\n") is text
        self._special = {id: token for id, token in tokens.items() if not token.content.isspace()}
        self.ids = {token.content: id for id, token in self._special.items()}
        longest_first = sorted(self.ids, key=len, reverse=True)
        self._names = re.compile("(" + "|".join(map(re.escape, longest_first)) + ")")
        self._plain = _without_special(backend)
        self._anchor = self._plain.token_to_id(_ANCHOR)
        # a letter that the vocabulary lacks is text too
        self._reserved = frozenset(id for id in self._special if id != tokenizer.unk_token_id)
        self.start = self._start_ids()

    def split(self, text: str, *, learned: bool = False) -> list[Piece]:
        """A program's text, such as a template's, in which token names stand for tokens."""
        parts = self._names.split(text)
        return [Piece(part, token=i % 2 == 1, learned=learned) for i, part in enumerate(parts) if part]

    def encode(self, pieces: Iterable[Piece]) -> tuple[list[int], list[bool]]:
        """Pieces → ids, and which of them are learned. What comes before an answer has the same ids without it."""
        found = runs(pieces)
        starts = bool(found) and found[0][0].token and self.ids[found[0][0].text] in self.start
        ids = [] if starts else list(self.start)
        learned = [False] * len(ids)
        for i, run in enumerate(found):
            if run[0].token:
                ids.append(self.ids[run[0].text])
                learned.append(run[0].learned)
                continue
            asked, told = self._trimmed(found, i)
            head = self._text_ids(asked, first=i == 0)
            whole = self._text_ids(asked + told, first=i == 0)
            fits = whole[: len(head)] == head
            tail = whole[len(head) :] if fits else self._text_ids(told, first=False)
            ids += head + tail
            learned += [False] * len(head) + [True] * len(tail)
        return ids, learned

    def decode(self, ids: Sequence[int]) -> str:
        """Ids → text with a blank before each [SEG], which `encode` takes away again."""
        text, seen = "", 0
        for k in [k for k, id in enumerate(ids) if id == self.ids[SEG]]:
            known = self._decode(ids[: k + 1])
            text += known[seen:].removesuffix(SEG)
            text += (" " if text and not text[-1].isspace() else "") + SEG
            seen = len(known)
        return (text + self._decode(ids)[seen:]).strip()

    def _decode(self, ids: Sequence[int]) -> str:
        return self.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)  # type: ignore[return-value]

    def _trimmed(self, found: Sequence[Sequence[Piece]], index: int) -> tuple[str, str]:
        """A run's text before and in the answer, without the white space that the tokens beside it take away."""
        asked = "".join(piece.text for piece in found[index] if not piece.learned)
        told = "".join(piece.text for piece in found[index] if piece.learned)
        if index and self._special[self.ids[found[index - 1][0].text]].rstrip:
            asked, told = asked.lstrip(), told if asked.strip() else told.lstrip()
        after = found[index + 1][0] if index + 1 < len(found) else None
        if after is not None and self._special[self.ids[after.text]].lstrip:
            told = told.rstrip()
            # a prompt must read the same before its answer is known
            asked = asked if told or after.learned else asked.rstrip()
        return asked, told

    def _text_ids(self, text: str, *, first: bool) -> list[int]:
        """Plain text → ids, none of which is a special token's."""
        ids = self._raw_ids(text, first=first)
        if self._reserved.isdisjoint(ids):
            return ids
        # a few vocabularies know token names as ordinary words: spell those
        parts = [part for k, p in enumerate(self._names.split(text)) for part in (p if k % 2 else [p])]
        ids = [id for k, part in enumerate(parts) for id in self._raw_ids(part, first=first and k == 0)]
        return [id for id in ids if id not in self._reserved]

    def _raw_ids(self, text: str, *, first: bool) -> list[int]:
        if not text:
            return []
        anchored = text if first else _ANCHOR + text
        return [id for id in self._plain.encode(anchored, add_special_tokens=False).ids if id != self._anchor]

    def _start_ids(self) -> list[int]:
        """What the tokenizer puts before every text, such as `<s>`."""
        with_start = self.tokenizer("a").input_ids
        bare = self.tokenizer("a", add_special_tokens=False).input_ids
        places = [k for k in range(len(with_start)) if with_start[k : k + len(bare)] == bare]
        return list(with_start[: places[0]]) if places else []


def _without_special(backend: Tokenizer) -> Tokenizer:
    """A copy that recognises no added token but white space, and the anchor."""
    data = json.loads(backend.to_str())
    for token in data["added_tokens"]:
        token["special"] = not token["content"].isspace()
    plain = Tokenizer.from_str(json.dumps({**data, "truncation": None, "padding": None}))
    plain.add_tokens([AddedToken(_ANCHOR, normalized=False)])
    plain.encode_special_tokens = True
    return plain
