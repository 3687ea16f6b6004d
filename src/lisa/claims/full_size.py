"""The same two claims at the paper's own size: commands, what they would take, what the paper found. Torch-free.

None of it was run here. Hours, card-hours and memory are those of benchmarks/results/full_size_2026-11.md, estimated by
`benchmarks/full_size.py`; what the paper found is copied from arXiv 2308.00692.
"""

from __future__ import annotations

COMMANDS = """## The same at full size

**Nothing below was run here.** With the paper's data in `DATA` (`lisa data list` says what lies where, `lisa data check
NAME --data DATA` reads it), SAM's `sam_vit_h_4b8939.pth` in the working folder, and eight cards of 24 GB. Claim 1: the
paper's recipe without reasoning data, and with the 239 samples from the start.

```bash
torchrun --nproc_per_node 8 -m lisa train lisa-7b data_dir=DATA data='{sem_seg: 9, refer_seg: 3, vqa: 3}' \\
  engine=fsdp micro=4 cache=none --out runs/zero-shot
torchrun --nproc_per_node 8 -m lisa train lisa-7b data_dir=DATA engine=fsdp micro=4 cache=none --out runs/with-239
```

Sets for claim 2: 60 and 120 of the 239, the smaller one inside the larger; all in one wording, as often as they had
several; all without explanations.

```bash
ls DATA/reason_seg/ReasonSeg/train/*.json | shuf --random-source=<(yes) > order.txt
for n in 60 120; do
  mkdir -p DATA/reason_$n/train
  head -n $n order.txt | sed 's/json$//' | xargs -I{} cp {}json {}jpg DATA/reason_$n/train
  cp -r DATA/reason_seg/ReasonSeg/explanatory DATA/reason_$n
done
mkdir -p DATA/reason_plain DATA/reason_bare
cp -r DATA/reason_seg/ReasonSeg/train DATA/reason_seg/ReasonSeg/explanatory DATA/reason_plain
for f in DATA/reason_seg/ReasonSeg/train/*.json; do
  jq '.text |= (.[0] as $first | map($first))' $f > DATA/reason_plain/train/${f##*/}
done
cp -r DATA/reason_seg/ReasonSeg/train DATA/reason_bare
for set in reason_60 reason_120 reason_plain reason_bare; do lisa data add $set DATA/$set --data DATA; done
```

Claim 2: reasoning in rounds, an old picture beside every two; as many reasoning pictures without; as many steps more
of stage 1.

```bash
for set in reason reason_60 reason_120 reason_plain reason_bare; do
  torchrun --nproc_per_node 8 -m lisa train reasonseg-finetune start=runs/zero-shot/checkpoint data_dir=DATA \\
    data="{$set: 2, sem_seg: 0.6, refer_seg: 0.2, vqa: 0.2}" order=rounds samples=16 engine=fsdp evaluate= \\
    --out runs/$set
done
torchrun --nproc_per_node 8 -m lisa train reasonseg-finetune start=runs/zero-shot/checkpoint data_dir=DATA \\
  steps=333 samples=16 engine=fsdp evaluate= --out runs/no-replay
torchrun --nproc_per_node 8 -m lisa train reasonseg-finetune start=runs/zero-shot/checkpoint data_dir=DATA \\
  data='{sem_seg: 9, refer_seg: 3, vqa: 3}' order=random samples=16 engine=fsdp evaluate= --out runs/more-stage-1
```

Asked: ReasonSeg free-running, teacher-forced beside it as the paper has it, and two of the old tasks.

```bash
for run in zero-shot with-239 reason reason_60 reason_120 reason_plain reason_bare no-replay more-stage-1; do
  torchrun --nproc_per_node 8 -m lisa eval runs/$run/checkpoint reason-val reason-test --data DATA --teacher-forced \\
    --out runs/$run/asked
  torchrun --nproc_per_node 8 -m lisa eval runs/$run/checkpoint refcoco --split val --data DATA --out runs/$run/refcoco
  torchrun --nproc_per_node 8 -m lisa eval runs/$run/checkpoint ade20k-val --limit 2000 --data DATA --out runs/$run/ade
done
lisa compare runs/zero-shot/asked runs/reason/asked
```

For 13B take `lisa-13b` in the place of `lisa-7b`, and cards of 40 GB: each loads the model whole before it is shared
out.
"""

COSTS = """### What it takes, estimated

Hours by FLOPs that were counted, at 30 % of the cards' peak; the paper's "less than 3 days" on 8 × RTX 3090 implies
46 % or more. The authors say that half the steps (`steps=5000`) work well, too (issue 17 of their repository). Money is
card-hours times your price: `python benchmarks/full_size.py --price "RTX 3090=…"`. How all of it was counted, held
against measured steps: [full_size_2026-11.md](../benchmarks/results/full_size_2026-11.md).

| training | 8 × RTX 3090 | as the paper's run | 8 × A100 40 GB | 1 × H100 80 GB | card-hours of these three |
|---|---|---|---|---|---|
| 7B, stage 1, 10,000 steps | 99 h | 65 h | 22 h | 57 h | 790, 180, 57 |
| 7B, stage 1, 5,000 steps | 49 h | 33 h | 11 h | 28 h | 395, 90, 28 |
| 7B, stage 2, 500 steps | 0.58 h | 0.38 h | 0.13 h | 0.33 h | 4.6, 1, 0.33 |
| 13B, stage 1, 10,000 steps | – | – | 40 h | 102 h | –, 323, 102 |
| 13B, stage 2, 500 steps | – | – | 0.24 h | 0.6 h | –, 1.9, 0.6 |

| GB on each of eight cards | pictures a forward | 7B | 13B |
|---|---|---|---|
| ddp | 2 | 23.3, just in 24 | 38.1 |
| ddp | 1 | 22.0 | 36.3 |
| fsdp | 4 | 12.6 | 16.9 |
| ZeRO-2 | 2 | 21.3 | 34.9 |

`engine=fsdp` fits with room to spare, but gathers the language model's blocks twice a forward: where cards hear each
other slowly, `engine=ddp micro=1`, or `engine=deepspeed` with ZeRO-2 as the paper had it
([how](training.md#on-a-cluster)), may be faster. The results are the same.
"""

FOUND = """### What the paper found

**All figures here are the paper's, not measured here**: gIoU / cIoU in per cent, by its own validation, teacher-forced.

| model | run | ReasonSeg val | test | in the paper |
|---|---|---|---|---|
| LISA-7B | `runs/zero-shot` | 44.4 / 46.0 | 36.8 / 34.1 | table 1 |
| LISA-7B (ft) | `runs/reason`, `runs/with-239` | 52.9 / 54.0 | 47.3 / 48.4 | table 1 |
| LISA-7B (ft), not rephrased | `runs/reason_plain` | 50.7 / 51.1 | | table 4 |
| LISA-13B | `lisa-13b` | 48.9 / 46.9 | 44.8 / 45.8 | table 1 |
| LISA-13B (ft) | `lisa-13b` | 56.2 / 62.9 | 51.7 / 51.1 | table 1 |

The paper calls (ft) fine-tuning on the 239 samples, and counts them among the data in its table 5: both are run. It has
no curve of 60, 120 and 239; of 13B it has 439, val with them: 54.0 / 54.9 on test (table 6).
"""

ABLATIONS = """Its table 5, on val: what is left out of the data of `runs/with-239`. Where the paper has PartImageNet,
the published code and the recipe have Mapillary; the first four changes have neither.

| left out | changed in the command of `runs/with-239` | the paper's |
|---|---|---|
| ADE20K | `data='{cocostuff: 3, pascal_part: 3, paco_lvis: 3, refer_seg: 3, vqa: 3, reason: 1}'` | 48.9 / 53.5 |
| COCO-Stuff | `data='{ade20k: 3, pascal_part: 3, paco_lvis: 3, refer_seg: 3, vqa: 3, reason: 1}'` | 48.5 / 50.8 |
| parts of things | `data='{ade20k: 4.5, cocostuff: 4.5, refer_seg: 3, vqa: 3, reason: 1}'` | 46.7 / 50.9 |
| ADE20K, COCO-Stuff | `data='{pascal_part: 4.5, paco_lvis: 4.5, refer_seg: 3, vqa: 3, reason: 1}'` | 46.6 / 46.7 |
| semantic segmentation | `data='{refer_seg: 3, vqa: 3, reason: 1}'` | 30.4 / 20.4 |
| referring expressions | `data='{sem_seg: 9, vqa: 3, reason: 1}'` | 47.7 / 51.1 |
| reasoning | `data='{sem_seg: 9, refer_seg: 3, vqa: 3}'` | 44.4 / 46.0 |
| nothing | | 52.9 / 54.0 |

Without a command, since no masker of the kind is here: SAM not trained before 35.9 / 44.6 (table 4); LoRA on SAM's
encoder 41.5 / 37.3, with (ft) 51.8 / 51.9; Mask2Former in SAM's place 42.4 / 38.8, with (ft) 50.7 / 52.3 (table 3).

The miniature's other choices, which the paper has no figures of:

| choice | changed in the command of `runs/zero-shot` |
|---|---|
| no loss on the words | `text_weight=0` |
| no DICE | `dice_weight=0` |
| no BCE | `bce_weight=0` |
| LoRA of rank 2 | `lora_rank=2 lora_alpha=4` |
| LoRA of rank 32 | `lora_rank=32 lora_alpha=64` |
| the language model is frozen | `language=none` |
| the mask decoder is frozen | `mask_decoder=false` |
| no questions answered in words | `data='{sem_seg: 9, refer_seg: 3}'` |
"""


def full_size() -> str:
    """The section of docs/claims.md, as Markdown."""
    return "\n".join((COMMANDS, COSTS, FOUND, ABLATIONS))
