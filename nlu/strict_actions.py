"""Makes a turn fail as a whole when the app's action endpoint does not answer.

Stock Rasa swallows the error, keeps the half-done turn with an unvalidated answer in its slot, says
nothing, and waits up to 300 s for a server that hangs.
"""

from __future__ import annotations

import asyncio
from typing import Any, Dict

import aiohttp
from jsonschema import validators
from rasa.core.actions.action import RemoteAction
from rasa.utils.endpoints import ClientResponseError, EndpointConfig

LONGEST_WAIT_S = 5.0


ANSWER = RemoteAction.action_response_format_spec()
READER = validators.validator_for(ANSWER)(ANSWER)


def _validate(self: RemoteAction, result: Dict[str, Any]) -> bool:
    READER.validate(result)
    return True


# Rasa validates the schema itself before every use of it: half the time of a turn in a form.
RemoteAction._validate_action_result = _validate


class TurnFailed(BaseException):
    """The app's action endpoint failed. Not an Exception: Rasa swallows those and keeps the half-done turn."""


class StrictActions(EndpointConfig):
    """The action endpoint of endpoints.yml, with a short wait and without mercy."""

    @classmethod
    def over(cls, endpoint: EndpointConfig) -> StrictActions:
        """The same endpoint, made strict."""
        if isinstance(endpoint, cls):
            return endpoint
        return cls(
            endpoint.url,
            endpoint.params,
            endpoint.headers,
            endpoint.basic_auth,
            endpoint.token,
            endpoint.token_name,
            **endpoint.kwargs,
        )

    async def request(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["timeout"] = aiohttp.ClientTimeout(total=LONGEST_WAIT_S)
        try:
            return await super().request(*args, **kwargs)
        except ClientResponseError as error:
            # A form's refusal is protocol. Without a name in it Rasa raises KeyError, swallows that and says nothing.
            if error.status == 400 and b'"action_name"' in error.text:
                raise
            raise TurnFailed(f"the action endpoint answered {error.status}") from error
        except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:
            raise TurnFailed(f"the action endpoint failed: {type(error).__name__}") from error
