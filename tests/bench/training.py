"""How long it takes to train everything: with nothing cached, and with the vectors of known sentences kept."""

import shutil

from tests.bench.workshop import Workshop


async def cold(shop: Workshop) -> float:
    for folder in (shop.models, shop.var / "cache"):
        shutil.rmtree(folder, ignore_errors=True)
    return (await shop.train())[0]


async def warm(shop: Workshop) -> float:
    """After `cold`. Rasa's own cache goes: else nothing would be trained at all."""
    for folder in (shop.models, shop.var / "cache" / "rasa"):
        shutil.rmtree(folder, ignore_errors=True)
    return (await shop.train())[0]
