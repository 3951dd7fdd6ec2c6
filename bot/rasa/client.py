"""Talks to Rasa's channel (nlu/channel.py) over HTTP, and gives up quickly while Rasa is away."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

import httpx
from pydantic import ValidationError

from bot.errors import RasaUnavailable
from bot.rasa.turns import Parse, Turn, TurnResult

T = TypeVar("T")
REST_S = 3.0  # after a failure every call fails at once for so long, then one probe is let through
AT_ONCE = 8  # Rasa is one loop on one core: more calls at once only wait there, and run into the time-out
TEXTS_A_CALL = 100  # so that a long list stays well inside the time-out


class Rasa(Protocol):
    """Every method raises RasaUnavailable when there is no usable answer; nothing was saved then."""

    async def converse(self, turn: Turn) -> TurnResult: ...

    async def parse(self, texts: Sequence[str]) -> list[Parse]: ...

    async def forget(self, sender: str) -> None: ...

    async def ready(self) -> bool: ...

    async def swap(self, path: str) -> None: ...


class HttpRasa:
    """`timeout_s` must be longer than the five seconds Rasa waits for one of our actions."""

    def __init__(
        self,
        url: str,
        token: str,
        timeout_s: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/") + "/webhooks/coach",
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(timeout_s, connect=2.0),
            transport=transport,
            trust_env=False,  # Rasa is our neighbour: never through a proxy
        )
        self._monotonic = monotonic
        self._open_until = 0.0
        self._probing = False
        self._places = asyncio.Semaphore(AT_ONCE)

    async def converse(self, turn: Turn) -> TurnResult:
        answer = await self._call("POST", "/turns", turn.model_dump())
        return self._read(TurnResult.model_validate, answer)

    async def parse(self, texts: Sequence[str]) -> list[Parse]:
        parses: list[Parse] = []
        for start in range(0, len(texts), TEXTS_A_CALL):
            answer = await self._call("POST", "/parse", {"texts": list(texts[start : start + TEXTS_A_CALL])})
            parses += self._read(lambda a: [Parse.model_validate(each) for each in a["parses"]], answer)
        return parses

    async def forget(self, sender: str) -> None:
        await self._call("DELETE", f"/senders/{quote(sender, safe='')}")

    async def ready(self) -> bool:
        """True when Rasa answers and has a model; also closes the breaker, so a start is noticed at once."""
        try:
            answer = await self._http.get("/", timeout=2.0)
        except httpx.HTTPError:
            return False
        if answer.status_code == 200:
            self._open_until = 0.0
        return answer.status_code == 200

    async def swap(self, path: str) -> None:
        await self._call("PUT", "/model", {"path": path})

    async def close(self) -> None:
        await self._http.aclose()

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        async with self._places:
            answer = await self._answer(method, path, body)
        if answer.status_code >= 400:  # the words name what is wrong, never what a patient wrote
            raise RasaUnavailable(f"Rasa answered {answer.status_code}: {_problem(answer)}")
        return self._read(httpx.Response.json, answer) if answer.content else None

    async def _answer(self, method: str, path: str, body: dict[str, Any] | None) -> httpx.Response:
        self._pass_or_fail()
        try:
            answer = await self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            self._open_until = self._monotonic() + REST_S
            raise RasaUnavailable(f"Rasa did not answer: {type(error).__name__}") from error
        finally:
            self._probing = False
        self._open_until = 0.0
        return answer

    def _pass_or_fail(self) -> None:
        if not self._open_until:
            return
        if self._probing or self._monotonic() < self._open_until:
            raise RasaUnavailable("Rasa did not answer a moment ago")
        self._probing = True

    def _read(self, read: Callable[[Any], T], answer: Any) -> T:
        try:
            return read(answer)
        except (ValidationError, ValueError, KeyError, TypeError) as error:
            raise RasaUnavailable(f"Rasa's answer can't be read: {type(error).__name__}") from error


def _problem(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("error", ""))
    except (ValueError, AttributeError):
        return "no JSON"
