"""`python -m tests.bench [--quick]`: the table on standard output, progress on standard error, all of it in var/."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from bot.settings import ROOT
from tests.bench import alarm, delivery, editing, machine, training
from tests.bench.coach import CHATS, Coach
from tests.bench.figures import Figures
from tests.bench.latency import latencies
from tests.bench.processes import say
from tests.bench.sentences import sentences
from tests.bench.stock import Stock
from tests.bench.telegram import telegram
from tests.bench.workshop import Workshop, workshop


class Run:
    """`quick`: few messages, the model that is there, and no stock project."""

    def __init__(self, *, quick: bool) -> None:
        self.quick = quick
        self.figures = Figures()
        texts = sentences()
        one_by_one, at_once = (60, 150) if quick else (200, 400)
        self._one_by_one, self._at_once = texts[:one_by_one], texts[one_by_one : one_by_one + at_once]
        self._talk_of_many, self._alarms = texts[one_by_one + at_once :], 15 if quick else 40
        self.figures.notes["messages"] = {"one by one": one_by_one, "50 chats at once": len(self._at_once)}
        self.figures.notes["load"] = {}

    async def part(self, name: str, work: Callable[[], Awaitable[Any]]) -> bool:
        """What goes wrong in one part is told at the end; the other parts keep their figures."""
        self.figures.notes["load"][name] = machine.load()[0]
        say(f"{name} (load {machine.load()[0]})")
        try:
            await work()
        except Exception as error:
            self.figures.failed[name] = f"{type(error).__name__}: {error}"
            say(f"{name} failed: {type(error).__name__}: {error}")
        return name not in self.figures.failed

    async def measure(self, shop: Workshop) -> None:
        await self.part("ours: training", lambda: self._train(shop))
        async with AsyncExitStack() as stack:
            api, address = await stack.enter_async_context(telegram())
            coach = Coach(shop, api, address)
            stack.push_async_callback(coach.close)
            if await self.part("ours: start", lambda: self._start(coach)):
                await self._talk("ours", coach, self.figures.ours, coach.pids)
                await self.part("ours: red flag to physio", lambda: self._alarm(coach))
                await self.part("ours: delivery", lambda: self._deliver(coach))
                self.figures.notes["share read by the model"] = round(coach.read_by_model(), 3)
                self.figures.notes["answered later: Rasa took too long"] = coach.held_back()
                if not self.quick:
                    await self.part("ours: edit to live", lambda: self._edit(shop, coach))
        if not self.quick:
            await self._measure_stock(shop)

    async def _measure_stock(self, shop: Workshop) -> None:
        stock, figures = Stock(shop.folder), self.figures.stock
        try:
            made = await self.part("stock: rasa init", lambda: kept(figures, "training_cold", stock.make()))
            if made and await self.part("stock: start", lambda: kept(figures, "start", stock.start())):
                await self._talk("stock", stock, figures, {"rasa": stock.pid})
                await self.part("stock: edit to live", lambda: kept(figures, "edit_to_live", stock.edit_to_live()))
        finally:
            await stock.close()

    async def _talk(self, side: str, bot: Coach | Stock, figures: dict[str, float], pids: dict[str, int]) -> None:
        async def one_by_one() -> None:
            figures.update(await latencies(bot, self._one_by_one, CHATS))

        async def at_once() -> None:
            before = {name: machine.cpu_s(pid) for name, pid in pids.items()}
            figures["replies_a_second"] = await bot.replies_a_second(self._at_once, CHATS)
            for name, pid in pids.items():
                figures[f"cpu_{name}"] = (machine.cpu_s(pid) - before[name]) / len(self._at_once) * 1000

        await self.part(f"{side}: latency", one_by_one)
        await self.part(f"{side}: 50 chats at once", at_once)
        for name, pid in pids.items():
            figures[f"memory_{name}"] = machine.memory_mb(pid)

    async def _train(self, shop: Workshop) -> None:
        if self.quick:
            return await shop.borrow_model()
        self.figures.ours["training_cold"] = await training.cold(shop)
        self.figures.ours["training_warm"] = await training.warm(shop)

    async def _start(self, coach: Coach) -> None:
        """The second start counts: the first one makes tables and compiles our files."""
        if not self.quick:
            self.figures.notes["first start, s"] = round(await coach.start(), 1)
            await coach.stop()
        self.figures.ours["start"] = await coach.start()

    async def _alarm(self, coach: Coach) -> None:
        self.figures.ours.update(await alarm.seconds_to_the_physio(coach, self._talk_of_many, self._alarms))

    async def _deliver(self, coach: Coach) -> None:
        self.figures.ours["delivery"] = await delivery.messages_a_second(coach, 75 if self.quick else 200)

    async def _edit(self, shop: Workshop, coach: Coach) -> None:
        self.figures.ours["edit_to_live"] = await editing.edit_to_live(shop, coach)


async def kept(figures: dict[str, float], key: str, work: Awaitable[float]) -> None:
    figures[key] = await work


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Speed and memory of the coach.")
    parser.add_argument("--quick", action="store_true", help="under 90 s, without the stock project")
    run = Run(quick=parser.parse_args().quick)
    about = {"at": machine.now(), "commit": machine.commit(), "machine": machine.machine(), "quick": run.quick}
    before = machine.load()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that what runs is stopped then too
    with workshop() as shop:
        try:
            asyncio.run(run.measure(shop))
        finally:
            report(run, {**about, "load_before": before, "load_after": machine.load()})
            log = ROOT / "var" / "log" / "bench.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(shop.log.read_text(errors="replace") if shop.log.exists() else "")
    return 1 if run.figures.failed else 0


def report(run: Run, about: dict[str, Any]) -> None:
    run.figures.save(ROOT / "var" / "bench.json", **about)
    computer, load = about["machine"], (about["load_before"][0], about["load_after"][0])
    lines = [
        run.figures.table(),
        "",
        f"{computer['cores']} cores, {computer['memory_gb']} GB, Python {computer['python']}, "
        f"commit {about['commit']}; load average {load[0]} before, {load[1]} after",
        *(f"not measured: {name}: {why}" for name, why in run.figures.failed.items()),
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    sys.exit(main())
