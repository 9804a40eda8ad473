"""Every card and form of ours as Teams shows it, as agreed, in both languages.

Everything that is registered is pressed, typed and sent in one house with something of each kind in it, by
whoever may. So a new command, button, form or letter has no golden yet, and fails.
"""

from __future__ import annotations

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from adapters.teams.answers import NO_CHAT, POINTER
from adapters.teams.limits import check
from adapters.teams.render import Reader, Renderer
from bot.app import CATALOGUE
from bot.commands import (
    address,
    answer,
    decisions,
    intake,
    introduced,
    invitation,
    policy,
    standing,
    undelivered,
)
from bot.conversation import Card, Form, t
from bot.dispatch import Outcome
from bot.registry import discover
from bot.texts import LOCALES, Texts
from storage import leavers, openings, people
from storage.engine import Tx
from storage.outbox import Delivery, Status
from tests.adapters.golden_scene import Scene, refusal, scene_in
from tests.adapters.samples import BRAND, ROOT

TEXTS = Texts.load(CATALOGUE)
WHOLE, PLAIN = Renderer(TEXTS, "Asia/Tokyo", BRAND), Renderer(TEXTS, "Asia/Tokyo")
_MADE_UP = re.compile(
    r"127\.0\.0\.1:\d+|[0-9a-f]{16,}|\b[0-9A-Z]{4}(?:-[0-9A-Z]{4})+\b|download/[\w-]+|p_[0-9a-z]{16}"
    r"|\bU0[0-9A-Z]{6,}|(?<=\"interest\":)\d+|\d?\d:(?!00|30)\d\d|(?<!\d)9:0\d"
)
"""Numbers, codes and times that are others in every run."""
TOLD = ("isMultiline", "isMultiSelect", "maxLength", "style", "value", "title", "choices", "choices.data")
STYLES = {"positive": "+", "destructive": "!"}
SENDING = ("Letter", "to_staff", "to_many")
SMALL = 40_000
"""Bytes: what Teams took of a message before it took twice as much (platform-facts T6)."""
LATER = "2026-05-18"
"""Until when letters of the clock are waited for."""
ALIKE = {
    "openings.word": "interest.over", "refer.opening": "openings.shown", "post.changed": "post.published"
}  # fmt: skip
"""Letters with the card of another one, but for a word."""


def rare(scene: Scene) -> dict[str, Card]:
    """Letters for which something has to go wrong, and one that comes after three months."""
    world = scene.company.world
    core = world.ground.app.core
    row = world.reads(lambda tx: openings.get(tx, 1))
    leaver = world.reads(lambda tx: leavers.get(tx, 2))
    person = world.reads(lambda tx: people.one(tx, leaver.person_id))
    return {
        "address.lost": address.lost(core.policy),
        "answer.nobody": answer.unanswerable(row),
        "decisions.hindered": decisions.hindered("app_forbidden"),
        "decisions.incidents": decisions.incidents(12),
        "intake.broken": intake.broken_card("K7PQ2M", stays=True),
        "intake.hindered": intake.hindered_card(),
        "intake.rejected": intake.rejected_card(t("feed.empty")),
        "introduced.orphaned": introduced.orphaned(row),
        "openings.stuck": standing.stuck("slack:T0ALUMNI:C0COMEBACK", "not_in_channel", [row]),
        "policy.link_expires": policy.link_expires(core.policy, date(2026, 6, 30)),
        "undelivered.told": undelivered.told(3),
        "undelivered.unheard": undelivered.unheard(),
        "welcome.later_mail": invitation.later_mail(leaver, person, "7K4P-7K4P-7K4P-7K4P", core.policy),
    }


def everything(scene: Scene, tx: Tx) -> Iterator[tuple[str, Card | Form]]:
    """Name -> what is shown: to whom it is shown first when everybody asks."""
    texts = scene.company.world.ground.app.core.texts
    for action in scene.handlers:
        yield from _pressed(scene, tx, action)
    mail = scene.member_mail
    others = {"signin.ask": ("email", mail), "returning.ask": ("personal_email", mail)}
    for action, (name, instead) in others.items():  # with other words another letter is written
        opened = ((who, one.form) for who, one in scene.pressed(tx, action) if one.form is not None)
        sent = (scene.sent(tx, who, form, **{name: instead}) for who, form in opened)
        assert any(not refusal(answer) for answer in sent), action
    for name, command in discover("bot.commands").commands.items():
        verb = texts.pattern(f"{command.key}.verb", "en").partition(",")[0]
        shown = next(outcome for _, outcome in scene.typed(tx, verb) if not refusal(outcome))
        yield from _named(f"{command.key.partition('.')[0]}. /{name}", shown)


def _pressed(scene: Scene, tx: Tx, action: str) -> Iterator[tuple[str, Card | Form]]:
    """A button's answer; of a form also what it says when it is sent, if it can be."""
    first: Outcome | None = None
    for who, outcome in scene.pressed(tx, action):
        if refusal(outcome):
            continue
        if first is None:
            first = outcome
            yield from _named(action, outcome)
        if outcome.form is None:
            return
        answer = scene.sent(tx, who, outcome.form)
        if not refusal(answer):
            yield from _named(f"{action} sent", answer, outcome.form)
            return
    assert first, f"nobody is shown anything by {action}"


def _named(name: str, outcome: Outcome, form: Form | None = None) -> Iterator[tuple[str, Card | Form]]:
    shown = outcome.form or (outcome.reply.card if outcome.reply else None)
    if outcome.errors and form is not None:
        yield name, replace(form, errors=outcome.errors)
    elif shown is not None and not refusal(outcome):
        yield name, shown


FAILED = {
    "welcome.question": "internal_error", "join.welcome": "app_forbidden",
    "welcome.invitation": "bad_address", "decisions.notice": "smtp_535",
}  # fmt: skip
"""Kinds of messages -> why they were given up."""


def given_up(scene: Scene, tx: Tx) -> Iterator[tuple[str, Card | Form]]:
    """HR's list with one of each, as it is on the morning after."""
    for kind, reason in FAILED.items():
        row = tx.scalars(select(Delivery).where(Delivery.kind == kind).order_by(Delivery.id)).first()
        assert row is not None, kind
        row.status, row.reason, row.payload = Status.DEAD, reason, b"words"
        row.done_at = datetime(2026, 4, 1, 9, 30, tzinfo=UTC)
    tx.flush()
    for name in ("undelivered.overview", "leavers.overview"):
        shown = next(outcome for _, outcome in scene.pressed(tx, name) if not refusal(outcome))
        yield from _named(f"{name} (given up)", shown)


def kinds_of_letters() -> set[str]:
    """Every kind of letter that stands in the code as one."""
    found: set[str] = set()
    for path in (*(ROOT / "bot").rglob("*.py"), *(ROOT / "jobs").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in SENDING:
                found |= {
                    str(a.value) for a in node.args if isinstance(a, ast.Constant) and "." in str(a.value)
                }
    return found


def drawn(shown: Card | Form, locale: str) -> str:
    """What is read and what can be pressed, a line per element; the card itself is held to what Teams takes,
    with the brand line that is left out here."""
    reader = Reader(locale, "Asia/Tokyo")
    for pen in (WHOLE, PLAIN):
        dialog = isinstance(shown, Form) or shown.sensitive
        made = pen.dialog(shown, reader) if dialog else pen.message(shown, reader)
        content = (made if dialog else made["attachments"][0])["card" if dialog else "content"]
        content = content["content"] if dialog else content
        assert check(content, SMALL) == [], shown
        assert (content["version"], len(content["body"]) > 0) == ("1.5", True)
    head = f"[{made['title']}]" if dialog else f"({made['summary']})"
    rows = [_line(row) for row in (*content["body"], *content.get("actions", ()))]
    return _MADE_UP.sub("…", "\n".join([head, *rows]))


def _line(node: dict[str, Any]) -> str:
    """One element in one line: our shorthand of the JSON, so that what changes can be read."""
    rule, kind = "---- " if node.get("separator") else "", node["type"]
    match kind:
        case "TextBlock":
            return f"{rule}# {node['text']}"
        case "RichTextBlock":
            return rule + "".join(_run(run) for run in node["inlines"]).replace("\n", " / ")
        case "ColumnSet":
            return rule + " | ".join(" ".join(map(_line, column["items"])) for column in node["columns"])
        case "ActionSet":
            return rule + " ".join(map(_line, node["actions"]))
        case "Image":
            return f"{rule}<{node['altText']}: {node['url']}>"
        case "Action.OpenUrl":
            return f"({node['title']} -> {node['url']})"
        case "Action.Submit" | "Action.Execute":
            opens = ">" if "msteams" in node["data"] else ""
            sort = "".join(sign for name, sign in STYLES.items() if node.get("style") == name)
            return f"({sort}{node['title']} => {opens}{node['data']['bound']})"
    names = (
        "isMultiline",
        "isMultiSelect",
        "maxLength",
        "style",
        "value",
        "title",
        "choices",
        "choices.data",
    )
    told = {name: node[name] for name in names if name in node}
    return f"{rule}{node['label']} <{node['id']}> {kind} {json.dumps(told, ensure_ascii=False)}"


def _run(run: dict[str, Any]) -> str:
    mark = "**" if run.get("weight") else "!" if run.get("color") else "~" if run.get("isSubtle") else ""
    leads = f" -> {run['selectAction']['url']}" if "selectAction" in run else ""
    return f"{mark}{run['text']}{mark}{leads}"


class AsText(SingleFileSnapshotExtension):
    """A golden file that is read as it is."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


async def test_every_card_and_form_as_agreed(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    golden = snapshot.use_extension(AsText)
    async with scene_in(tmp_path) as scene:
        with scene.prober.apart() as tx:
            shown: dict[str, Card | Form] = dict(everything(scene, tx))
            shown |= dict(given_up(scene, tx))
        await scene.company.world.on(LATER)
        letters = {**scene.letters, **rare(scene)}
    unseen = kinds_of_letters() - letters.keys() - ALIKE.keys()
    assert unseen == set()
    shown |= {f"{kind} (letter)": card for kind, card in letters.items()}
    shown |= {"teams.pointer": POINTER, "teams.no_chat": NO_CHAT}
    features = defaultdict(list)
    for name in sorted(shown):
        features[name.partition(".")[0]].append(name)
    for feature, names in features.items():
        for locale in LOCALES:
            told = [f"=== {name} ===\n{drawn(shown[name], locale)}\n" for name in names]
            assert "\n".join(told) == golden(name=f"{feature}-{locale}")
