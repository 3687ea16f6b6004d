"""[SEG]'s row of the embeddings, trained alone: nothing else of them moves, by any engine, and no file changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import load_file
from small_model import write_small
from torch import Tensor, nn
from transformers.models.gemma3.modeling_gemma3 import Gemma3TextScaledWordEmbedding

from lisa.model import checkpoint
from lisa.model.adapter_files import WEIGHTS, apply_adapters, write_adapters
from lisa.model.adapters import SEG_ROW, Trained, _add_rows, merge_lora, optimizer_groups, prepare
from lisa.model.segmenter import Segmenter
from lisa.recipes.lisa import debug
from lisa.train import finetune
from lisa.train.loop import train_step
from lisa.train.ranks import Ranks

ROWS = Trained(embeddings="seg", dropout=0.0)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_small(tmp_path_factory.mktemp("start") / "small")


def opened(base: Path) -> Segmenter:
    return checkpoint.load(base, device=torch.device("cpu"), dtype=torch.float32)


def matrices(segmenter: Segmenter) -> list[nn.Module]:
    model: Any = segmenter.vlm.model  # type: ignore[attr-defined]
    return [model.get_input_embeddings(), model.get_output_embeddings()]


def trained_a_step(base: Path, folder: Path, dtype: torch.dtype = torch.float32) -> Segmenter:
    recipe = replace(
        debug(), start=str(base), embeddings="seg", weight_decay=0.1, learning_rate=1e-2, samples=2, micro=2, steps=5,
        warmup=0, cache="none", lora_dropout=0.0, precision="fp32" if dtype == torch.float32 else "bf16",
    )  # fmt: skip
    start = finetune.start_of(recipe, folder, torch.device("cpu"))
    cast(nn.Module, start.segmenter.vlm).to(dtype)
    made, config = finetune.objective_of(recipe, start, folder, Ranks()), finetune.fit_config(recipe)
    train_step(made, made.batches(config.micro_batches(0, Ranks())), 0, config)
    return made.segmenter


def test_only_the_row_of_seg_is_trained(base, tmp_path):
    before = opened(base)
    trained = merge_lora(trained_a_step(base, tmp_path))
    for was, now in zip(matrices(before), matrices(trained)):
        moved = (was.weight != now.weight).any(1).nonzero().flatten().tolist()  # type: ignore[operator]
        assert moved == [trained.vlm.seg_token_id]


def test_a_row_costs_a_row(base):
    segmenter = prepare(opened(base), ROWS)
    for matrix in matrices(segmenter):
        sizes = {name: p.numel() for name, p in matrix.named_parameters() if p.requires_grad}
        assert sizes == {SEG_ROW: matrix.get_parameter("weight").shape[1]}
    rows = {id(matrix.get_parameter(SEG_ROW)) for matrix in matrices(segmenter)}
    decayed = {id(p) for group in optimizer_groups(segmenter, 0.1) if group["weight_decay"] for p in group["params"]}
    assert len(rows) == 2 and not rows & decayed


def test_gradients_are_those_of_the_whole_matrices_rows(base, tmp_path):
    recipe = replace(debug(), start=str(base), samples=2, cache="none")
    start = finetune.start_of(recipe, tmp_path, torch.device("cpu"))
    batch = finetune.objective_of(recipe, start, tmp_path, Ranks()).batches([range(2)])[0]
    found: dict[str, tuple[float, list[Tensor]]] = {}
    for kind in ("all", "seg"):
        torch.manual_seed(0)
        segmenter = prepare(opened(base), replace(ROWS, embeddings=kind))
        total = segmenter.losses(batch, segmenter(batch)).total
        total.backward()
        name, row = ("weight", segmenter.vlm.seg_token_id) if kind == "all" else (SEG_ROW, slice(None))
        found[kind] = total.item(), [m.get_parameter(name).grad[row] for m in matrices(segmenter)]  # type: ignore[index]
    assert found["seg"][0] == pytest.approx(found["all"][0], rel=1e-5)
    for theirs, ours in zip(found["all"][1], found["seg"][1]):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-7)


def test_it_computes_in_bf16_where_the_frozen_weights_are(base, tmp_path):
    trained = trained_a_step(base, tmp_path, torch.bfloat16)
    for matrix in matrices(trained):
        row, weight = matrix.get_parameter(SEG_ROW), matrix.get_parameter("weight")
        assert (row.dtype, weight.dtype) == (torch.float32, torch.bfloat16)
        assert not torch.equal(row, weight[trained.vlm.seg_token_id].float())


def test_adapters_hold_the_rows_by_their_matrices_names(base, tmp_path):
    trained = trained_a_step(base, tmp_path)
    held = load_file(write_adapters(trained, ROWS, base, "small", tmp_path / "adapters") / WEIGHTS)
    wide = matrices(trained)[0].get_parameter("weight").shape[1]
    assert {key.rpartition(".")[2]: list(held[key].shape) for key in held if "@" in key} == {"weight@row": [wide]}
    assert sum("@" in key for key in held) == 2 and not any(SEG_ROW in key for key in held)
    again, merged = apply_adapters(opened(base), base, tmp_path / "adapters"), merge_lora(trained)
    assert again.state_dict().keys() == merged.state_dict().keys() == opened(base).state_dict().keys()
    for key, tensor in merged.state_dict().items():
        torch.testing.assert_close(again.state_dict()[key], tensor, rtol=1e-5, atol=1e-6)


class Tied(nn.Module):
    """A table that multiplies what it looks up, and a head that shares its weight, as Gemma has them."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Gemma3TextScaledWordEmbedding(5, 4, 0, embed_scale=3.0)
        self.head = nn.Linear(4, 5)
        self.head.weight = self.table.weight

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.table(ids))


def test_a_shared_row_answers_alike_when_it_is_put_back():
    torch.manual_seed(0)
    model, ids = Tied(), torch.tensor([[1, 2, 3, 2]])
    whole = model(ids)
    _add_rows(model.table, model.head, 2)
    torch.testing.assert_close(model(ids), whole)
    rows = [p for name, p in model.named_parameters() if name.endswith(SEG_ROW)]
    assert len(rows) == 1
    rows[0].data += 1
    apart = model(ids)
    assert not torch.allclose(apart, whole)
    merge_lora(model)  # type: ignore[arg-type]
    torch.testing.assert_close(model(ids), apart)
    assert len(list(model.parameters())) == 2
