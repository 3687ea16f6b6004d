"""Published checkpoints on disk: every layout opens, damaged and hostile ones say what is wrong."""

from __future__ import annotations

import json
import pickle
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from published import published_tensors, write_tiny, write_weights
from safetensors.torch import load_file, save_file

import lisa
from lisa import memory
from lisa.errors import BadCheckpoint, LisaError, Missing
from lisa.model import legacy_clip
from lisa.model.legacy import is_legacy, load_legacy
from lisa.model.legacy_write import write_published
from lisa.model.segmenter import Segmenter

LAYOUTS = ["bin", "bin-sharded", "safe", "safe-sharded"]


@pytest.fixture
def copy(reference: Path, tmp_path: Path) -> Iterator[Callable[..., Path]]:
    yield lambda layout="bin": write_tiny(reference, tmp_path / "tiny-lisa", layout=layout)
    shutil.rmtree(tmp_path / "tiny-lisa", ignore_errors=True)  # 22 MB each


def edit_json(path: Path, **changes) -> None:
    data = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))


def edit_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> None:
    tensors = torch.load(folder / "pytorch_model.bin", weights_only=True)
    change(tensors)
    torch.save(tensors, folder / "pytorch_model.bin")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(copy, segmenter: Segmenter, layout: str):
    folder = copy(layout)
    if layout.endswith("sharded"):
        assert len(list(folder.glob("*-0*"))) > 2
    assert is_legacy(folder)
    loaded = load_legacy(folder)
    for (name, ours), expected in zip(loaded.state_dict().items(), segmenter.state_dict().values(), strict=True):
        assert torch.equal(ours, expected), name
    assert not loaded.training
    assert all(not tensor.is_meta for tensor in [*loaded.parameters(), *loaded.buffers()])


def test_written_from_a_model_and_read_again(copy, segmenter: Segmenter):
    folder = copy("bin")
    write_weights(folder, published_tensors(segmenter), layout="bin-sharded", shard_bytes=2**22)
    again = load_legacy(folder).state_dict()
    assert all(torch.equal(tensor, again[name]) for name, tensor in segmenter.state_dict().items())


def test_single_safetensors_of_any_name(copy):
    folder = copy("safe")
    (folder / "model.safetensors").rename(folder / "tiny_lisa.safetensors")
    assert load_legacy(folder).vlm.seg_token_id == 512


def test_is_legacy(checkpoint: Path, tmp_path: Path):
    assert is_legacy(checkpoint) and not is_legacy(checkpoint / "tiny-clip") and not is_legacy(tmp_path)


def test_every_tensor_counts(copy, segmenter: Segmenter):
    """No name is swapped with another of the same shape: each published tensor is found at its own place."""
    from lisa.model.legacy_keys import to_ours

    state = segmenter.state_dict()
    for key, tensor in load_file(copy("safe") / "model.safetensors").items():
        if (name := to_ours(key)) is not None:
            assert torch.equal(state[name], tensor), key


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_dtypes(checkpoint: Path, dtype: torch.dtype):
    model = load_legacy(checkpoint, dtype=dtype)
    neck = "masker.image_encoder.neck"
    wrong = [n for n, p in model.named_parameters() if p.dtype != dtype and not n.startswith(neck)]
    assert not wrong
    rotary = model.vlm.model.model.language_model.rotary_emb  # type: ignore[attr-defined]
    assert rotary.inv_freq.dtype == torch.float32
    features = model.masker.image_encoder.neck(torch.full((1, 4, 4, 64), 300.0, dtype=dtype))  # type: ignore[attr-defined]
    assert features.dtype == dtype and features.isfinite().all()


def test_vision_tower_is_found(copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = copy()
    inside = folder / "tiny-clip"
    assert legacy_clip.find_tower(folder, {"mm_vision_tower": "tiny-clip"}, None) == inside
    moved = inside.rename(tmp_path / "tower")
    assert legacy_clip.find_tower(folder, {"mm_vision_tower": str(moved)}, None) == moved
    assert load_legacy(folder, vision_tower=moved).vlm.width == 64
    assert load_legacy(folder, vision_tower=str(moved)).vlm.width == 64
    cache = tmp_path / "cache" / "models--some--clip"
    shutil.copytree(moved, cache / "snapshots" / "abc")
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("abc")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    found = legacy_clip.find_tower(folder, {}, "some/clip")
    assert (found / "model.safetensors").is_file()
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(Missing, match="vision_tower="):
        legacy_clip.find_tower(folder, {"mm_vision_tower": "nobody/nothing"}, None)


def test_whole_clip_as_the_hub_has_it(copy):
    """A CLIP with its text half, and its vision sizes inside `vision_config`."""
    folder = copy()
    clip = folder / "tiny-clip"
    tensors = load_file(clip / "model.safetensors")
    tensors |= {"logit_scale": torch.ones(()), "text_model.final_layer_norm.weight": torch.ones(4)}
    tensors |= {
        "vision_model.embeddings.position_ids": torch.arange(257)[None],
        "visual_projection.weight": torch.ones(2, 2),
    }
    save_file(tensors, clip / "model.safetensors")
    vision = json.loads((clip / "config.json").read_text())
    (clip / "config.json").write_text(json.dumps({"model_type": "clip", "vision_config": vision}))
    assert load_legacy(folder).vlm.width == 64


def test_tower_stored_along(copy, segmenter: Segmenter):
    folder = copy()
    tower = load_file(folder / "tiny-clip" / "model.safetensors")
    doubled = {f"model.vision_tower.vision_tower.{key}": 2 * tensor for key, tensor in tower.items()}
    edit_weights(folder, lambda tensors: tensors.update(doubled))
    name = "vlm.model.model.vision_tower.pre_layrnorm.weight"
    key = next(k for k in segmenter.state_dict() if k.endswith("pre_layrnorm.weight")) or name
    assert torch.equal(load_legacy(folder).state_dict()[key], 2 * segmenter.state_dict()[key])


def remove(*names: str) -> Callable[[Path], object]:
    return lambda folder: [(folder / name).unlink() for name in names]


def drop_key(folder: Path) -> None:
    edit_weights(folder, lambda t: t.pop("model.text_hidden_fcs.0.2.bias"))


def add_key(folder: Path) -> None:
    edit_weights(folder, lambda t: t.update({"model.mystery.weight": torch.ones(1)}))


def wrong_shape(folder: Path) -> None:
    edit_weights(folder, lambda t: t.update({"lm_head.weight": torch.ones(7, 64)}))


def no_sam(folder: Path) -> None:
    edit_weights(folder, lambda t: [t.pop(k) for k in list(t) if "image_encoder" in k])


def no_embedding(folder: Path) -> None:
    edit_weights(folder, lambda t: t.pop("model.embed_tokens.weight"))


def not_tensors(folder: Path) -> None:
    torch.save({"model.norm.weight": [1, 2, 3]}, folder / "pytorch_model.bin")


def a_list(folder: Path) -> None:
    torch.save([torch.ones(1)], folder / "pytorch_model.bin")


def truncated(folder: Path) -> None:
    data = (folder / "pytorch_model.bin").read_bytes()
    (folder / "pytorch_model.bin").write_bytes(data[: len(data) // 2])


def empty(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"")


def truncated_safetensors(folder: Path) -> None:
    (folder / "pytorch_model.bin").unlink()
    (folder / "model.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{}")


def beyond_the_rows(folder: Path) -> None:
    edit_json(folder / "added_tokens.json", **{"[SEG]": 600})


def index_outside(folder: Path) -> None:
    index = {"weight_map": {"lm_head.weight": "../../secret.bin"}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))


def shard_absent(folder: Path) -> None:
    index = {"weight_map": {"lm_head.weight": "pytorch_model-00001.bin"}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("damage", "error", "words"),
    [
        (drop_key, BadCheckpoint, r"1 missing \(model.text_hidden_fcs.0.2.bias\).*lisa doctor"),
        (add_key, BadCheckpoint, r"1 unknown \(model.mystery.weight\).*lisa doctor"),
        (wrong_shape, BadCheckpoint, r"lm_head.weight \[7, 64\] instead of \[515, 64\]"),
        (no_sam, BadCheckpoint, "SAM.*lisa doctor"),
        (no_embedding, BadCheckpoint, "embed_tokens"),
        (not_tensors, BadCheckpoint, "no plain list of tensors"),
        (a_list, BadCheckpoint, "no plain list of tensors"),
        (truncated, BadCheckpoint, "damaged"),
        (empty, BadCheckpoint, "damaged"),
        (truncated_safetensors, BadCheckpoint, "damaged"),
        (beyond_the_rows, BadCheckpoint, r"\[SEG\].*515 rows"),
        (index_outside, BadCheckpoint, "outside"),
        (shard_absent, Missing, "lacks the shard"),
        (remove("pytorch_model.bin"), Missing, "no weights"),
        (remove("config.json"), Missing, "config.json"),
        (remove("tokenizer.model"), Missing, "tokenizer.model"),
        (remove("added_tokens.json"), Missing, "added_tokens.json"),
        (lambda f: (f / "tokenizer.model").write_bytes(b"nonsense"), BadCheckpoint, "SentencePiece"),
        (lambda f: (f / "config.json").write_text("{"), BadCheckpoint, "JSON"),
        (lambda f: edit_json(f / "config.json", rms_norm_eps=None), BadCheckpoint, "rms_norm_eps"),
        (lambda f: edit_json(f / "added_tokens.json", **{"[SEG]": None}), BadCheckpoint, r"\[SEG\]"),
        (lambda f: (f / "tiny-clip" / "config.json").write_text("{}"), BadCheckpoint, "no CLIP"),
    ],
)
def test_damage_is_named(copy, damage, error: type[LisaError], words: str):
    folder = copy()
    damage(folder)
    with pytest.raises(error, match=words) as caught:
        load_legacy(folder)
    assert "\n" not in str(caught.value)


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return (exec, (f"open({str(self.marker)!r}, 'w').close()",))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("archive", [True, False])
def test_code_in_a_pickle_never_runs(copy, tmp_path: Path, archive: bool):
    folder, marker = copy(), tmp_path / "ran"
    path = folder / "pytorch_model.bin"
    path.write_bytes(pickle.dumps({"lm_head.weight": Evil(marker)}))
    if archive:
        code = path.read_bytes()
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("archive/data.pkl", code)
            file.writestr("archive/version", "3\n")
    with pytest.raises(BadCheckpoint, match="was not run" if archive else "damaged or older"):
        load_legacy(folder)
    assert not marker.exists()


MEASURE = """
import sys, torch
from pathlib import Path
from lisa.model.legacy import load_legacy
def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))
kept = [load_legacy(sys.argv[1])]  # imports and first-use buffers
for folder in sys.argv[1:]:
    for dtype in (torch.float32, torch.bfloat16):
        before = anonymous()
        model = load_legacy(folder, dtype=dtype)
        print(anonymous() - before)
        kept.append(model)
"""


@pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="needs Linux's /proc")
def test_weights_stay_mapped(reference: Path, tmp_path: Path):
    """In the files' own dtype the weights cost no anonymous memory; a conversion costs one copy."""
    folders = [str(write_tiny(reference, tmp_path / layout, layout=layout)) for layout in ("bin-sharded", "safe")]
    command = [sys.executable, "-c", MEASURE, *folders]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    weights = 21.7e6 / 1024
    for own, converted in zip(*[map(int, out.split())] * 2):
        assert own < 0.5 * weights, out
        assert 0.3 * weights < converted < weights, out


def test_a_choice_left_open_takes_half_the_size_where_the_whole_does_not_fit(copy, monkeypatch):
    folder = copy()
    monkeypatch.setattr(memory, "memory_free", lambda device=None: int(1.5 * memory.memory_needed(folder, "float32")))
    predictor = lisa.load(folder, device="cpu")
    assert predictor.segmenter.projector.out.weight.dtype == torch.bfloat16
    with pytest.raises(lisa.LisaError, match="bfloat16"):
        lisa.load(folder, device="cpu", dtype="float32")


def test_a_checkpoint_under_training_opens_with_its_lora_merged(copy, reference):
    folder = copy()
    plain = {k: v.clone() for k, v in load_legacy(folder).state_dict().items()}  # its file is written over below
    lora = load_file(reference / "tiny_lora.safetensors")
    trained = {f"base_model.model.{k}": v for k, v in torch.load(folder / "pytorch_model.bin").items()} | lora
    torch.save(trained, folder / "pytorch_model.bin")
    merged = load_legacy(folder)
    a, b = (next(v for k, v in lora.items() if f"layers.0.self_attn.q_proj.lora_{x}" in k) for x in "AB")
    name = "vlm.model.model.language_model.layers.0.self_attn.q_proj.weight"
    torch.testing.assert_close(merged.state_dict()[name], plain[name] + 2.0 * b @ a)
    same = "vlm.model.model.language_model.layers.0.self_attn.k_proj.weight"
    assert torch.equal(merged.state_dict()[same], plain[same])
    trained.popitem()
    torch.save(trained, folder / "pytorch_model.bin")
    with pytest.raises(BadCheckpoint, match="not whole"):
        load_legacy(folder)


def test_what_is_written_in_the_published_layout_opens_again(copy, tmp_path):
    folder = copy()
    segmenter = load_legacy(folder)
    out = write_published(segmenter, folder, tmp_path / "out", dtype=torch.float32, shard_bytes=2**21)
    assert len(list(out.glob("model-*.safetensors"))) > 2
    again = load_legacy(out)
    assert all(torch.equal(v, again.state_dict()[k]) for k, v in segmenter.state_dict().items())
