"""LLaVA v1 with one linear projector, the language side of the published LISA weights (arXiv 2304.08485, 2308.00692).

Unusual about it, against the llava models of transformers: its own tokenisation (`llava_tokens`), the picture between
`<im_start>` and `<im_end>`, a projector of a single linear layer, and prompts without a chat template file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from torch import Tensor, nn
from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration

from lisa.errors import BadInput, shown
from lisa.files import write_json
from lisa.types import SEG, Image, Turn
from lisa.vlms.base import IGNORE, Prompt
from lisa.vlms.hf import HfVlm
from lisa.vlms.llava_tokens import BOS, EOS, IMAGE, IMAGE_ID, LlamaTokens
from lisa.vlms.pieces import Piece

IM_START, IM_END = "<im_start>", "<im_end>"

_V1_SYSTEM = (
    "A chat between a curious human and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the human's questions."
)
_LLAMA_2_SYSTEM = (
    "You are a helpful language and vision assistant. You are able to understand the visual content that the user "
    "provides, and assist the user with a variety of tasks using natural language."
)
_PICTURE = [Piece(IM_START, token=True), Piece(IMAGE, token=True), Piece(IM_END, token=True), Piece("\n")]
_ASSISTANT = "ASSISTANT:"
_LONGEST = 224 * 64
"""Long side of a resized picture above which only its middle is computed."""


def llava_v1(turns: Sequence[Turn]) -> list[Piece]:
    """`SYSTEM USER: picture⏎instruction ASSISTANT: answer</s>USER: …`, the prompt of every published checkpoint."""
    pieces = [Piece(f"{_V1_SYSTEM} ")]
    for i, turn in enumerate(turns):
        pieces += [Piece("USER: "), *(_PICTURE if i == 0 else []), Piece(f"{turn.instruction} {_ASSISTANT}")]
        if turn.answer is not None:
            pieces += [Piece(" ", learned=True), *_answer(turn.answer), Piece(EOS, token=True, learned=True)]
    return pieces


def llava_llama_2(turns: Sequence[Turn]) -> list[Piece]:
    """`[INST] <<SYS>>…<</SYS>>⏎⏎picture⏎instruction [/INST] answer </s><s>[INST] …`."""
    pieces = [Piece(f"[INST] <<SYS>>\n{_LLAMA_2_SYSTEM}\n<</SYS>>\n\n"), *_PICTURE]
    for i, turn in enumerate(turns):
        pieces += [Piece(BOS, token=True), Piece("[INST] ")] if i else []
        pieces.append(Piece(f"{turn.instruction} [/INST]"))
        if turn.answer is not None:
            blank = Piece(" ", learned=True)
            pieces += [blank, *_answer(turn.answer), blank, Piece(EOS, token=True, learned=True)]
    return pieces


CONVERSATIONS: Mapping[str, Callable[[Sequence[Turn]], list[Piece]]] = {
    "llava_v1": llava_v1,
    "llava_llama_2": llava_llama_2,
}
"""The conversation formats by their names in the reference, which uses `llava_v1` for all its published weights."""


def _answer(answer: str) -> list[Piece]:
    """An earlier or wanted answer: "[SEG]" is the token; an end token that raw text brings along is left out."""
    pieces: list[Piece] = []
    for i, text in enumerate(answer.removesuffix(EOS).split(SEG)):
        pieces += [Piece(SEG, token=True, learned=True)] if i else []
        pieces.append(Piece(text, learned=True))
    return pieces


@dataclass(frozen=True, kw_only=True)
class ClipPixels:
    """CLIP's preprocessing: short side to `size`, centre crop, normalise. The sides of a wide picture are not seen."""

    size: int = 224
    mean: tuple[float, ...] = (0.48145466, 0.4578275, 0.40821073)
    std: tuple[float, ...] = (0.26862954, 0.26130258, 0.27577711)
    resample: PIL.Image.Resampling = PIL.Image.Resampling.BICUBIC

    def crop(self, image: Image) -> Image:
        """RGB `[H, W, 3]` → `[size, size, 3]` uint8."""
        h, w = image.shape[:2]
        short = min(h, w)
        new_h, new_w = (int(self.size * side / short) for side in (h, w))
        top, left = (new_h - self.size) // 2, (new_w - self.size) // 2
        picture = PIL.Image.fromarray(image)
        if max(new_h, new_w) <= _LONGEST:
            whole = picture.resize((new_w, new_h), self.resample) if (h, w) != (new_h, new_w) else picture
            return np.asarray(whole.crop((left, top, left + self.size, top + self.size)))
        # a strip of 20,000 × 1 would need gigabytes on the way: compute only what the crop keeps
        x, y = w / new_w, h / new_h
        box = (left * x, top * y, min((left + self.size) * x, w), min((top + self.size) * y, h))
        return np.asarray(picture.resize((self.size, self.size), self.resample, box=box))

    def __call__(self, image: Image) -> Tensor:
        """RGB `[H, W, 3]` uint8 → `[3, size, size]` float32."""
        pixels = torch.from_numpy(self.crop(image).copy()).permute(2, 0, 1).float() / 255
        return (pixels - torch.tensor(self.mean)[:, None, None]) / torch.tensor(self.std)[:, None, None]


class LlavaV1Dialogue:
    """Prompts, ids and pixels of LLaVA v1.

    A picture's tokens carry the id of `<unk>` (`image_token_id`): its row exists in every checkpoint, and no text
    reaches it since unknown characters are spelled in bytes. Padding uses `</s>` instead, behind the attention mask.
    What a person types is plain text whatever it says; in answers "[SEG]" is the token.
    """

    def __init__(
        self,
        tokens: LlamaTokens,
        *,
        image_tokens: int,
        pixels: ClipPixels | None = None,
        conversation: str = "llava_v1",
        max_length: int | None = None,
    ) -> None:
        """`max_length`: where training cuts a conversation, in tokens with the picture's (the reference: 512)."""
        self.tokens = tokens
        self.image_tokens = image_tokens
        self.pixels = pixels or ClipPixels()
        if conversation not in CONVERSATIONS:
            raise BadInput(
                f"there is no conversation format {shown(conversation)}: choose {' or '.join(CONVERSATIONS)}"
            )
        self.format = CONVERSATIONS[conversation]
        self.max_length = max_length
        self.seg_token_id = tokens.added[SEG]
        self.image_token_id = tokens.unk
        self.pad_token_id = tokens.eos
        self.stop_ids = (tokens.eos,)
        self._assistant, _ = tokens.encode([Piece(_ASSISTANT)], bos=False)

    def prepare_image(self, image: Image) -> dict[str, Tensor]:
        """RGB `[H, W, 3]` → `pixel_values [1, 3, size, size]`."""
        return {"pixel_values": self.pixels(image)[None]}

    def prepare_text(self, image: dict[str, Tensor], turns: Sequence[Turn]) -> Prompt:
        """See `Vlm.prepare_text`. Labels cover every answer with its end token."""
        ids, learned = self.tokens.encode(self.format(turns))
        at = ids.index(IMAGE_ID)
        labels = [id if keep else IGNORE for id, keep in zip(ids, learned)]
        ids[at : at + 1] = [self.image_token_id] * self.image_tokens
        labels[at : at + 1] = [IGNORE] * self.image_tokens
        cut = self.max_length if turns[-1].answer is not None else None
        return Prompt(input_ids=torch.tensor(ids[:cut]), labels=torch.tensor(labels[:cut]))

    def decode(self, ids: Sequence[int]) -> str:
        """Answer ids → raw text as the reference's demo shows it: `Sure, it is [SEG] .</s>`.

        The reference decodes prompt and answer together, so the ids are read behind the prompt's last word.
        """
        text = self.tokens.decode([*self._assistant, *ids]).replace("\n", "").replace("  ", " ")
        return text.partition(_ASSISTANT)[2].removeprefix(" ")

    def save(self, folder: Path) -> None:
        """Writes `tokenizer.model` and `added_tokens.json`, as published checkpoints hold them."""
        (folder / "tokenizer.model").write_bytes(self.tokens.pieces.serialized_model_proto())
        write_json(folder / "added_tokens.json", self.tokens.added)


def build(text: LlamaConfig, vision: CLIPVisionConfig, dialogue: LlavaV1Dialogue, *, feature_layer: int = -2) -> HfVlm:
    """The model with fresh weights: CLIP's `feature_layer` without its class token → one linear layer → LLaMA."""
    config = LlavaConfig(
        vision_config=vision,
        text_config=text,
        image_token_index=dialogue.image_token_id,
        image_seq_length=dialogue.image_tokens,
        vision_feature_layer=feature_layer,
        vision_feature_select_strategy="default",
        tie_word_embeddings=False,
    )
    model = LlavaForConditionalGeneration(config)
    projector = nn.Linear(vision.hidden_size, text.hidden_size)
    model.model.multi_modal_projector = projector  # type: ignore[assignment]
    return HfVlm(model, dialogue)
