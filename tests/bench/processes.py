"""Starts what is measured and stops it again, with everything that it started."""

import asyncio
import os
import signal
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

LONGEST_STOP_S = 20.0
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "LD_LIBRARY_PATH")


def say(words: str) -> None:
    sys.stderr.write(f"bench: {words}\n")
    sys.stderr.flush()


def environment(**more: str) -> dict[str, str]:
    """As little of ours as does: no setting of the person who measures may change what is measured."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {**kept, "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3", **more}


async def start(command: Sequence[str | Path], *, folder: Path, log: Path, env: Mapping[str, str]) -> Process:
    with log.open("ab") as out:
        return await asyncio.create_subprocess_exec(
            *map(str, command), cwd=folder, env=env, stdin=DEVNULL, stdout=out, stderr=out, start_new_session=True
        )


async def end(process: Process) -> None:
    """By the whole group; kindly first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), LONGEST_STOP_S)


async def finish(
    command: Sequence[str | Path], *, folder: Path, log: Path, env: Mapping[str, str], timeout_s: float = 600
) -> tuple[float, str]:
    """Runs a command to its end: seconds, and what it printed last. RuntimeError when it fails."""
    began = time.perf_counter()
    with log.open("ab") as out:
        process = await asyncio.create_subprocess_exec(
            *map(str, command), cwd=folder, env=env, stdin=DEVNULL, stdout=PIPE, stderr=out, start_new_session=True
        )
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), timeout_s)
    finally:
        await end(process)
    if process.returncode != 0:
        raise RuntimeError(f"{Path(command[0]).name} {' '.join(map(str, command[1:4]))} failed: see {log.name}")
    return time.perf_counter() - began, (printed.decode().strip().splitlines() or [""])[-1]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
