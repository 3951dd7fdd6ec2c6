"""The app's rule layer, asked from outside: it needs the app's own Python, so `coach screen` runs as a process."""

from __future__ import annotations

import json
import subprocess
from typing import Dict, List, Sequence

from .lines import ROOT, Line

COACH = ROOT / ".venv" / "bin" / "coach"
SECONDS = 240


def rule_findings(lines: Sequence[Line]) -> List[Dict[str, str]]:
    """For each line {"RF01": "advise"}: what the rules alone would do."""
    asked = "".join(json.dumps({"text": line.text}) + "\n" for line in lines)
    done = subprocess.run(
        [str(COACH), "screen", "--rules-only"], input=asked, capture_output=True, text=True, timeout=SECONDS, cwd=ROOT
    )
    if done.returncode != 0:
        raise RuntimeError(f"coach screen --rules-only ended with {done.returncode}: {done.stderr.strip()[-400:]}")
    found = [json.loads(row) for row in done.stdout.splitlines()]
    if len(found) != len(lines):
        raise RuntimeError(f"coach screen answered {len(found)} of {len(lines)} lines")
    return [{risk["id"]: risk["action"] for risk in each.get("risks", [])} for each in found]
