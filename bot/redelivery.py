"""What is done about messages that were given up, by HR or an operator; and what their reasons mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum

from bot import offering
from bot.conversation import Text, t
from storage import given_up, journal, leavers
from storage.engine import Tx
from storage.outbox import Delivery, Route

OPERATOR = "operator"
"""Who acts on the command line, as the journal keeps it."""
_CLEARED = frozenset({"undelivered", "no_company_address"})
"""What a message that was given up hinders a leaver by."""


class Became(StrEnum):
    """What came of trying a message again, or of letting it go."""

    AGAIN = "again"
    DROPPED = "dropped"
    NOT_DEAD = "not_dead"
    NO_WORDS = "no_words"
    POSTED = "posted"


def again(tx: Tx, delivery_id: int, actor: str) -> Became:
    """Send a message anew that was given up. Not one to a channel: an opening posts itself anew, as it is by
    then, when HR asks for that."""
    row = given_up.one_dead(tx, delivery_id)
    if row is None:
        return Became.NOT_DEAD
    if row.route is Route.CHANNEL:
        return Became.POSTED
    if not given_up.revive(tx, row):
        return Became.NO_WORDS
    journal.write(tx, "delivery.again", _subject(row), actor=actor)
    return Became.AGAIN


def drop(tx: Tx, delivery_id: int, actor: str) -> Became:
    """A message that was given up is not wanted any more; its leaver is not stuck because of it."""
    row = given_up.one_dead(tx, delivery_id)
    if row is None or not given_up.let_go(tx, row):
        return Became.NOT_DEAD
    journal.write(tx, "delivery.dropped", _subject(row), actor=actor)
    eased(tx, [row])
    return Became.DROPPED


def _subject(row: Delivery) -> str:
    return f"delivery:{row.id}"


def eased(tx: Tx, rows: Sequence[Delivery]) -> None:
    """Leavers of these messages are not stuck any more for want of them, unless another one was given up."""
    for leaver_id in {row.leaver_id for row in rows if row.leaver_id and row.route is not Route.STAFF}:
        leaver = leavers.get(tx, leaver_id)
        if leaver is not None and leaver.stuck in _CLEARED and not given_up.gave_up_on(tx, leaver_id):
            leaver.stuck = ""


# --- why --------------------------------------------------------------------------------------------------

_SAME: Mapping[str, Sequence[str]] = {
    "unanswered": (
        "unreachable", "connection_lost", "service_unavailable", "request_timeout", "team_added_to_org",
        "external_channel_migrating", "update_failed", "internal_error", "fatal_error", "graph_unreachable",
        "login_unreachable", "login_unreadable", "login_busy", "invitation_unreadable", "smtp_unreachable",
        "chat_lost", "ServiceError", "ServiceUnavailable", "BadGateway", "GatewayTimeout",
        "InternalServerError", "PreconditionFailed",
    ),
    "busy": ("ratelimited", "rate_limited", "message_limit_exceeded", "Throttled", "TooManyRequests"),
    "login": (
        "invalid_auth", "not_authed", "token_expired", "token_revoked", "org_login_required",
        "two_factor_setup_required", "Unauthorized", "InvalidAuthenticationToken",
    ),
    "forbidden": (
        "missing_scope", "restricted_action", "no_permission", "access_denied", "ekm_access_denied",
        "Forbidden", "Authorization_RequestDenied",
    ),
    "gone": (
        "not_in_workspace", "user_not_found", "account_inactive", "user_disabled", "Request_ResourceNotFound",
        "NotFound",
    ),
    "blocked": (
        "messages_tab_disabled", "cannot_dm_bot", "not_installed", "installing", "no_way", "no_conversation",
        "no_service_url", "channel_not_found", "MessageWritesBlocked", "BotNotInConversationRoster",
        "ConversationNotFound",
    ),
    "no_address": ("no_private_address", "no_address"),
    "bad_address": ("bad_address",),
    "mailbox_refused": ("mailbox_refused",),
    "mail_refused": ("mail_refused",),
    "mail_server": ("smtp_unsupported",),
    "no_app": ("no_app",),
    "no_link": ("no_invitation_link", "invitation_link_expired"),
    "not_joined": ("not_joined", "guest_not_there_yet"),
    "unsure": ("unsure", "not_told"),
    "house": ("bug", "sensitive", "msg_too_long"),
}  # fmt: skip
_MENDED = (
    "app_forbidden", "find_forbidden", "not_in_catalogue", "guests_forbidden", "team_forbidden", "no_team",
)  # fmt: skip
REASONS: Mapping[str, str] = {
    **{word: f"undelivered.reason.{key}" for key, same in _SAME.items() for word in same},
    **{word: f"decisions.hindered.{word}" for word in _MENDED},
}
"""Reason -> the sentence that says what it means and what would be right."""
_PASSES = re.compile(r"smtp_4\d\d")
"""A mail server's "not now"."""
_PATTERNS = (
    (re.compile(r"http_(5\d\d|408|409|425)"), "unanswered"),
    (re.compile(r"http_\d+"), "forbidden"),
    (re.compile(r"smtp_\d+"), "mail_server"),
    (re.compile(r"login_refused(_\d+)?"), "login"),
    (re.compile(r"invalid_\w+"), "house"),
)


def means(row: Delivery) -> Text:
    """Why a message was given up, and what would be right; neutral words for one that nobody knows."""
    if row.route is Route.CHANNEL:
        return offering.mending(row.reason)
    if row.reason in REASONS:
        return t(REASONS[row.reason])
    if key := _alike(row.reason):
        return t(f"undelivered.reason.{key}")
    return t("undelivered.reason.other", reason=row.reason)


def hindrance(reason: str) -> str:
    """What somebody has to mend when a whole platform is away for a reason; "" for what passes by itself."""
    kind = REASONS.get(reason, "").rpartition(".")[2] or _alike(reason)
    return kind if kind in ("login", "mail_server") and not _PASSES.fullmatch(reason) else ""


def _alike(reason: str) -> str:
    return next((key for pattern, key in _PATTERNS if pattern.fullmatch(reason)), "")
