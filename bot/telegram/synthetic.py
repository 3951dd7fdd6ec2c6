"""Updates of somebody who is nobody, in Telegram's own form: the watchdog hands them to the inbox."""

from typing import Any


def says(update_id: int, chat_id: int, words: str) -> dict[str, Any]:
    return {"update_id": update_id, "message": {**_message(chat_id), "text": words}}


def taps(update_id: int, chat_id: int, message_id: int, button: str) -> dict[str, Any]:
    message = {**_message(chat_id), "message_id": message_id}
    tap = {"id": str(update_id), "from": _person(chat_id), "message": message, "chat_instance": "0", "data": button}
    return {"update_id": update_id, "callback_query": tap}


def _message(chat_id: int) -> dict[str, Any]:
    return {"message_id": 1, "date": 0, "chat": {"id": chat_id, "type": "private"}, "from": _person(chat_id)}


def _person(chat_id: int) -> dict[str, Any]:
    return {"id": chat_id, "is_bot": True, "first_name": "Watchdog"}
