"""The figures as text for a terminal, as var/eval.json, and as a page with its pictures inside (var/eval.html)."""

from __future__ import annotations

import json
import os
from html import escape
from pathlib import Path
from typing import Any, Dict, List

from . import suites
from .lines import ROOT
from .tables import percent, table

VAR = Path(os.environ.get("COACH_VAR") or ROOT / "var")
CAVEAT = (
    "Voices are styles, several to an author, and none is a patient: expect less from people.\n"
    "The rules had no folds: their writer may have read the lines of dialogues/. Nobody who works on rules or model reads\n"
    "the independent lines; their writer had read no others."
)
STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}pre{overflow-x:auto}"
    "svg text{font:9px system-ui,sans-serif}h2{margin-top:2.5rem}"
)
CELL = 22  # pixels


def as_text(result: Dict[str, Any]) -> str:
    blocks = [
        _heads(result),
        _beliefs(result),
        _risks(result),
        _alarms(result),
        suites.as_text(result["suites"]),
        _fired(result),
        _proposal(result),
    ]
    return "\n\n".join(["\n".join(["UNDERSTANDING", CAVEAT]), *blocks])


def write(result: Dict[str, Any]) -> List[Path]:
    VAR.mkdir(parents=True, exist_ok=True)
    figures, page = VAR / "eval.json", VAR / "eval.html"
    figures.write_text(json.dumps(result, indent=1, ensure_ascii=False), encoding="utf-8")
    page.write_text(_page(result), encoding="utf-8")
    return [figures, page]


def _heads(result: Dict[str, Any]) -> str:
    rows = [
        [
            head,
            kind,
            each["threshold"],
            each["macro_f1"],
            each["macro_f1_unseen"],
            percent(each["near_misses"]),
            percent(each["ordinary"]),
        ]
        for head, kinds in {**result["heads"], **result.get("diet", {})}.items()
        for kind, each in kinds.items()
    ]
    return table(
        "Heads, each at the one threshold that suits it best on the left-out voices (for ranking only)",
        [
            "head",
            "kind",
            "at",
            "macro-F1 left-out",
            "macro-F1 unseen",
            "alarms on near misses",
            "alarms on ordinary talk",
        ],
        rows,
    )


def _beliefs(result: Dict[str, Any]) -> str:
    found = result["beliefs"]
    voices, fresh, others = found["voices"], found["beliefs_unseen"], found["independent"]
    rows = [
        [
            label,
            voices["by_class"][label]["f1"],
            percent(voices["by_class"][label]["recall"]),
            percent(voices["by_class"][label]["precision"]),
            fresh["by_class"][label]["f1"],
            others["by_class"][label]["f1"],
            percent(others["by_class"][label]["recall"]),
        ]
        for label in result["labels"]["belief"]
    ]
    title = (
        f"Beliefs as served: macro-F1 {voices['macro_f1']} left-out voices (thresholds of the other folds), "
        f"{fresh['macro_f1']} unseen, {others['macro_f1']} independent; alarms on near misses "
        f"{percent(voices['near_misses'])}, unseen {percent(fresh['near_misses'])}, "
        f"independent {percent(others['near_misses'])}; "
        + ", ".join(f"{name} {percent(share)}" for name, share in found["ordinary"].items())
    )
    why = "Near misses that fire, by kind: " + ", ".join(
        f"{why} {s['hits']}/{s['of']}" for why, s in found["near_by_why"].items()
    )
    return (
        table(title, ["class", "F1", "recall", "precision", "F1 unseen", "F1 independent", "recall independent"], rows)
        + f"\n{why}"
    )


def _risks(result: Dict[str, Any]) -> str:
    found = result["risks"]
    blocks = []
    for name in ("voices", "risks_unseen", "independent"):
        each = found[name]
        emergencies = each["both"]["emergencies"]
        rows = [
            [
                f"{risk}{'*' if risk in emergencies else ''}",
                *(f"{each[layer]['by_class'][risk]['recall']['share']:.2f}" for layer in ("rules", "model")),
                percent(each["both"]["by_class"][risk]["recall"]),
                percent(each["both"]["by_class"][risk]["precision"]),
                each["both"]["by_class"][risk]["f1"],
                percent(emergencies[risk]["any"]) if risk in emergencies else "",
            ]
            for risk in result["labels"]["risk"]
        ]
        title = f"Risks on {name}: macro-F1 " + ", ".join(
            f"{layer} {each[layer]['macro_f1']}" for layer in ("rules", "model", "both")
        )
        head = ["class", "rules", "model", "recall of both", "precision of both", "F1 of both", "some danger heard"]
        blocks.append(table(title, head, rows))
    return "\n\n".join([*blocks, "* emergency class"])


def _alarms(result: Dict[str, Any]) -> str:
    rows = []
    for name, layers in result["risks"].items():
        for layer in ("rules", "model", "both"):
            for group in ("near_misses", "ordinary"):
                each = layers[layer][group]
                if each["advise"]["of"]:
                    rows.append([name, group, layer, percent(each["advise"]), percent(each["advise_or_ask"])])
    return table("Alarms of the risks", ["lines", "group", "layer", "advise", "advise or ask"], rows)


def _fired(result: Dict[str, Any]) -> str:
    lines = []
    for name in ("real", "out_of_scope"):
        lines.append(f"Lines of {name} in which a risk fires, for a human to read:")
        for each in result["risks"][name]["fired"]:
            layers = "; ".join(
                f"{layer} {' '.join(f'{r} {a}' for r, a in each[layer].items())}"
                for layer in ("rules", "model")
                if each[layer]
            )
            lines.append(f"  [{layers}] {each['text']}")
    lines.append("Real lines in which a belief fires:")
    lines += [f"  [{each['heard']} {each['score']}] {each['text']}" for each in result["beliefs"]["real_lines"]]
    return "\n".join(lines)


def _proposal(result: Dict[str, Any]) -> str:
    values = "\n".join(f"  {name}: {json.dumps(value)}" for name, value in result["proposal"].items())
    speed = result["milliseconds"]
    return (
        f"Thresholds proposed for dialogues/protocol/understanding.yml (a person writes them there):\n{values}\n"
        f"Encoding and scoring a message: p50 {speed['p50']} ms, p95 {speed['p95']} ms\n"
        f"Of today's examples {100 * result['adapter_unseen']:.1f} % are newer than the encoder (make encoder)"
    )


def _page(result: Dict[str, Any]) -> str:
    pictures = [
        f"<h2>{escape(title)}</h2>{picture}"
        for kind, name in (("belief", "Beliefs"), ("risk", "Risks, the model alone"))
        for title, picture in (
            (f"{name}: what is carried (rows) and what is heard (columns)", _confusion(result, kind)),
            (f"{name}: how often a score is right", _calibration(result["calibration"][kind])),
        )
    ]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>How well the coach understands</title>'
        f"<style>{STYLE}</style><h1>How well the coach understands</h1>"
        f"<pre>{escape(as_text(result))}</pre>{''.join(pictures)}</html>"
    )


def _confusion(result: Dict[str, Any], kind: str) -> str:
    names, counts = [*result["labels"][kind], "none"], result["confusion"][kind]
    side = CELL * (len(names) + 2)
    parts = []
    for row, own in enumerate(counts):
        parts.append(f'<text x="0" y="{CELL * (row + 2) - 7}">{names[row]}</text>')
        parts.append(f'<text x="{CELL * (row + 2) + 1}" y="12">{names[row]}</text>')
        for column, count in enumerate(own):
            depth = count / max(sum(own), 1)
            place = f'x="{CELL * (column + 2)}" y="{CELL * (row + 1)}"'
            colour = "#1a7f37" if row == column else "#b42318"
            parts.append(
                f'<rect {place} width="{CELL - 1}" height="{CELL - 1}" fill="{colour}" fill-opacity="{depth:.2f}"/>'
            )
            if count:
                parts.append(f'<text x="{CELL * (column + 2) + 3}" y="{CELL * (row + 2) - 7}">{count}</text>')
    return f'<svg role="img" width="{side}" height="{side}">{"".join(parts)}</svg>'


def _calibration(bins: List[Dict[str, Any]]) -> str:
    size, dots = 260, ['<path d="M20 240 L240 20" stroke="#999" stroke-dasharray="4" fill="none"/>']
    for each in bins:
        right = each["right"]
        if right["share"] is None:
            continue
        x = 20 + 220 * (each["from"] + each["to"]) / 2
        low, high, middle = (240 - 220 * right[name] for name in ("low", "high", "share"))
        dots.append(f'<path d="M{x:.0f} {low:.0f} V{high:.0f}" stroke="#1f6feb"/>')
        dots.append(f'<circle cx="{x:.0f}" cy="{middle:.0f}" r="3" fill="#1f6feb"/>')
    dots.append('<text x="90" y="256">score</text><text x="0" y="14">right</text>')
    return f'<svg role="img" width="{size}" height="{size}">{"".join(dots)}</svg>'
