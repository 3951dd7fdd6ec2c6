"""How well people whom the coach has not met are understood: `nlu/.venv/bin/python -m nlu.evaluation` from the root.

Every figure of the model is measured on lines it did not learn from: whole voices are left out of the training data in
five folds, and the unseen files hold voices that dialogues/ does not have. Voices by one author are styles, not people:
expect less from real patients. The rules had no folds; who wrote them may have read the lines of dialogues/.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import List, Optional

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ["RASA_TELEMETRY_ENABLED"] = "false"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def main(arguments: Optional[List[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="nlu.evaluation", description=__doc__)
    parser.parse_args(arguments)
    from . import report
    from .run import evaluate

    started = time.monotonic()
    result = evaluate(say)
    result["seconds"] = round(time.monotonic() - started, 1)
    print(report.as_text(result))
    for file in report.write(result):
        say(f"wrote {file}")
    say(f"done in {result['seconds']} s")
    return 0


def say(words: str) -> None:
    print(f"eval: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
