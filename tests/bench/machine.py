"""The machine, and what a process takes of it (from /proc: Linux)."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.settings import ROOT

TICKS = os.sysconf("SC_CLK_TCK")


def machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gb": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def load() -> list[float]:
    """Processes that want a core: over the last minute, five, fifteen."""
    return [round(average, 2) for average in os.getloadavg()]


def commit() -> str:
    """The commit that is measured; `+` when files differ from it. Empty outside git."""
    try:
        head = _git("rev-parse", "--short", "HEAD").strip()
        return head + ("+" if _git("status", "--porcelain", "--untracked-files=no").strip() else "")
    except (OSError, subprocess.CalledProcessError):
        return ""


def _git(*words: str) -> str:
    return subprocess.run(("git", *words), cwd=ROOT, check=True, capture_output=True, text=True).stdout


def memory_mb(pid: int) -> float:
    """Resident, shared pages included."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError(f"process {pid} has ended")


def cpu_s(pid: int) -> float:
    user, system = _stat(pid)[11:13]
    return (int(user) + int(system)) / TICKS


def child_of(pid: int, words: str) -> int:
    """The child whose command line has these words."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            mine = int(_stat(int(folder.name))[1]) == pid
            if mine and words in (folder / "cmdline").read_text().replace("\0", " "):
                return int(folder.name)
        except OSError:  # it has ended meanwhile
            continue
    raise LookupError(f"process {pid} has no child {words!r}")


def _stat(pid: int) -> list[str]:
    """From the third field on: the second is a name in brackets that may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
