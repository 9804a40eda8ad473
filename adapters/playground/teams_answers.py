"""What Teams makes of a bot's answer to an invoke: a new card, a dialog, a word under the card, options."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from adapters.playground.teams_cards import first_values
from adapters.playground.teams_chats import Chats
from adapters.playground.teams_checks import MESSAGE_BYTES, RESULT_BYTES, card_problem, utf16
from adapters.playground.teams_state import ADAPTIVE, JSON, Delivery, Dialog, Message

_WORDS: Final = "application/vnd.microsoft.activity.message"
_ERROR: Final = "application/vnd.microsoft.error"
_FOUND: Final = "application/vnd.microsoft.search.searchResponse"
_LAYOUTS: Final = ("list", "grid")


def filled(dialog: Dialog, values: Mapping[str, str], errors: Mapping[str, str]) -> Dialog:
    """The dialog with what was typed, and what the client finds wrong with it."""
    return replace(dialog, values=dict(values), errors=dict(errors), trouble=None)


def after_execute(chats: Chats, person: str, message: Message, delivery: Delivery) -> str | None:
    """Apply an answer to `adaptiveCard/action`: a card for this person, or words; gives what is wrong."""
    if delivery.error:
        return delivery.error
    body = delivery.body
    if not isinstance(body, dict) or not isinstance(body.get("statusCode"), int):
        return "invalid_response"
    value = body.get("value")
    match body.get("type"):
        case kind if kind == ADAPTIVE and body["statusCode"] == 200 and isinstance(value, dict):
            if card_problem(value) or utf16(value) > MESSAGE_BYTES:
                return "invalid_card"
            chats.shows(person, message, value)
        case kind if kind == _WORDS and isinstance(value, str):
            chats.says(person, message, value)
        case kind if kind == _ERROR and isinstance(value, dict):
            chats.says(person, message, str(value.get("message") or ""))
            return "bot_error"
        case _:
            return "invalid_response"
    return None


def after_fetch(chats: Chats, frame: Dialog, delivery: Delivery) -> str | None:
    """Apply an answer to `task/fetch`: the dialog opens, or words are shown; gives what is wrong."""
    error = delivery.error or _task(chats, frame, delivery.body)
    if error is None and not (isinstance(delivery.body, dict) and delivery.body.get("task")):
        return "invalid_response"
    return error


def after_submit(chats: Chats, dialog: Dialog, delivery: Delivery) -> str | None:
    """Apply an answer to `task/submit`: the next form, words, or nothing (it closes); gives what is wrong."""
    error = delivery.error or _task(chats, dialog, delivery.body)
    if error and dialog.person in chats.dialogs:
        chats.keep(replace(dialog, trouble=error))
    return error


def options(delivery: Delivery) -> tuple[list[JSON], str | None]:
    """The options of an answer to `application/search`, and what is wrong."""
    if delivery.error:
        return [], delivery.error
    body = delivery.body if isinstance(delivery.body, dict) else {}
    value = body.get("value")
    found = value.get("results") if isinstance(value, dict) else None
    right = body.get("type") == _FOUND and body.get("statusCode", 200) == 200 and isinstance(found, list)
    if not right or not all(_is_option(one) for one in found or []):
        return [], "invalid_response"
    return list(found or []), None


def results(delivery: Delivery) -> tuple[list[JSON], str | None]:
    """The results of an answer to `composeExtension/query`, and what is wrong: a card of 28 kB is too big."""
    if delivery.error:
        return [], delivery.error
    body = delivery.body if isinstance(delivery.body, dict) else {}
    found = body.get("composeExtension")
    if not isinstance(found, dict):
        return [], "invalid_response"
    if found.get("type") == "message":
        return [], None
    attached = found.get("attachments") or []
    if found.get("type") != "result" or found.get("attachmentLayout", "list") not in _LAYOUTS:
        return [], "invalid_response"
    return (attached, None) if all(_is_result(one) for one in attached) else ([], "invalid_card")


def _task(chats: Chats, frame: Dialog, body: Any) -> str | None:
    task = body.get("task") if isinstance(body, dict) else None
    if not task:
        chats.close(frame.person)
        return None if body in (None, "", {}) or isinstance(body, dict) else "invalid_response"
    value = task.get("value")
    if task.get("type") == "message":
        chats.close(frame.person)
        source = chats.messages[frame.conversation].get(frame.source)
        if source:
            chats.says(frame.person, source, str(value or ""))
        return None
    card = ((value or {}).get("card") or {}) if isinstance(value, dict) else {}
    if task.get("type") != "continue" or card.get("contentType") != ADAPTIVE:
        return "invalid_response"
    if card_problem(card.get("content")) or utf16(card["content"]) > MESSAGE_BYTES:
        return "invalid_card"
    chats.keep(_opened(frame, task["value"], card["content"]))
    return None


def _opened(frame: Dialog, value: JSON, card: JSON) -> Dialog:
    return replace(
        frame,
        card=card,
        title=str(value.get("title") or frame.title),
        height=value.get("height"),
        width=value.get("width"),
        values=first_values(card),
        errors={},
        trouble=None,
    )


def _is_option(one: Any) -> bool:
    return isinstance(one, dict) and isinstance(one.get("title"), str) and isinstance(one.get("value"), str)


def _is_result(one: Any) -> bool:
    if not isinstance(one, dict) or not one.get("contentType") or utf16(one.get("content")) > RESULT_BYTES:
        return False
    return one["contentType"] != ADAPTIVE or not card_problem(one.get("content"))
