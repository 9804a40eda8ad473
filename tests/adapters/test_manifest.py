"""The manifests ask for exactly what the code uses, keep the makers' limits, and lie in the repository."""

from __future__ import annotations

import ast
import copy
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from slack_sdk.web import async_client

from adapters.slack import read
from adapters.slack.manifest import (
    EVENT_SCOPES,
    EVENTS,
    IN_A_CHANNEL,
    METHODS,
    NAMES,
    dump,
    manifest,
    problems,
    scopes,
)
from bot.brand import Brand
from bot.conversation import Answer, Side
from bot.registry import Context, Feature, Registry, discover
from bot.texts import Texts
from tests.house.source import ROOT, sources

TEXTS = Texts.load(ROOT / "bot" / "catalogue")
NOBODY = Brand("", "", "", "")
BRAND = Brand("みなとアルムナイ", "株式会社みなと", "人事部 佐藤", "hr@example.jp")
URL = "https://okaeri.example.com"
OWN_FILES = ("adapters/slack/manifest.py", "adapters/slack/manifest_rules.py")


def paper(side: Side = Side.ALUMNI, brand: Brand = NOBODY) -> dict[str, Any]:
    return manifest(side, discover("bot.commands"), TEXTS, brand, URL)


def sdk_methods() -> dict[str, str]:
    """Every method of slack_sdk: its name in Python -> its name in the Web API."""
    found: dict[str, str] = {}
    for function in ast.walk(ast.parse(inspect.getsource(async_client))):
        if isinstance(function, ast.AsyncFunctionDef):
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "api_call":
                    name = call.args[0]
                    assert isinstance(name, ast.Constant)
                    found[function.name] = str(name.value)
    return found


def called() -> set[str]:
    """Every Web API method that the Slack room names, as a word or as a method of the client."""
    known = sdk_methods()
    found: set[str] = set()
    for source in sources("adapters/slack"):
        if source.path in OWN_FILES:
            continue
        found |= {str(text.value) for text in source.strings()} & set(known.values())
        attributes = {node.attr for node in ast.walk(source.tree) if isinstance(node, ast.Attribute)}
        found |= {known[name] for name in attributes & known.keys()}
    return found


def test_every_method_that_is_called_brings_its_scopes_and_no_other() -> None:
    assert called() == METHODS.keys() | IN_A_CHANNEL.keys()


def test_the_company_has_nothing_read_but_direct_messages_and_alumni_public_channels_too() -> None:
    company = {"chat:write", "commands", "im:history", "im:write", "users:read", "users:read.email"}
    assert set(scopes(Side.COMPANY)) == company
    assert set(scopes(Side.ALUMNI)) - company == {"channels:history", "channels:read"}


def test_nothing_is_heard_of_a_channel() -> None:
    heard_there = [event for events in EVENTS.values() for event in events if event.startswith("message.")]
    assert set(heard_there) == {"message.im"}


@pytest.mark.parametrize("side", Side)
def test_the_scopes_are_those_that_are_needed(side: Side) -> None:
    assert paper(side)["oauth_config"]["scopes"] == {"bot": list(scopes(side))}
    needed = {"commands"}.union(*METHODS.values(), *(EVENT_SCOPES[event] for event in EVENTS[side]))
    needed |= set().union(*IN_A_CHANNEL.values()) if side is Side.ALUMNI else set()
    assert set(scopes(side)) == needed


def heard() -> set[str]:
    """The event types that `read.event` knows, from its cases."""
    tree = ast.parse(inspect.getsource(read.event))
    return {
        str(node.value.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.MatchValue) and isinstance(node.value, ast.Constant)
    }


def test_the_events_that_are_asked_for_are_those_that_are_heard() -> None:
    asked = {event.partition(".")[0] for events in EVENTS.values() for event in events}
    assert asked == heard()
    assert set().union(*EVENTS.values()) == set(EVENT_SCOPES)


@pytest.mark.parametrize("event", EVENT_SCOPES)
def test_every_event_becomes_something(event: str) -> None:
    kind, _, channel = event.partition(".")
    user = {"id": "U1", "team_id": "T1", "profile": {}}
    inner = {"type": kind, "user": user if kind in ("team_join", "user_change") else "U1", "team": "T1"}
    inner |= {"channel": "D1", "channel_type": channel, "text": "help", "tab": "home"}
    assert read.event({"team_id": "T1", "event_id": "Ev1", "event": inner}) is not None


@pytest.mark.parametrize("brand", [NOBODY, BRAND])
@pytest.mark.parametrize("side", Side)
def test_both_manifests_keep_the_limits(side: Side, brand: Brand) -> None:
    assert problems(paper(side, brand)) == []


def test_the_sides_are_told_apart_and_the_brand_is_told() -> None:
    names = [paper(side)["display_information"]["name"] for side in Side]
    assert names == [NAMES[side] for side in Side] == ["Okaeri", "Okaeri Alumni"]
    story = paper(Side.COMPANY, BRAND)["display_information"]["long_description"]
    assert "株式会社みなと" in story
    assert "run by" not in paper(Side.COMPANY)["display_information"]["long_description"]


@pytest.mark.parametrize("side", Side)
def test_every_address_is_the_one_route(side: Side) -> None:
    found = set(re.findall(r"https?://\S+", dump(paper(side))))
    assert found == {f"{URL}/slack/events"}
    assert dump(manifest(side, discover("bot.commands"), TEXTS, NOBODY, f"{URL}/")) == dump(paper(side))


def test_people_can_write_to_the_bot_and_mentions_arrive_as_ids() -> None:
    features = paper()["features"]
    assert features["app_home"] == {
        "home_tab_enabled": True,
        "messages_tab_enabled": True,
        "messages_tab_read_only_enabled": False,
    }
    assert all(command["should_escape"] for command in features["slash_commands"])


def test_shortcuts_are_verbs_that_can_be_parsed() -> None:
    registry = discover("bot.commands")
    for side in Side:
        for shortcut in paper(side)["features"]["shortcuts"]:
            command = registry.commands[shortcut["callback_id"]]
            assert side in command.sides
            assert command.shortcut


def short_registry() -> Registry:
    feature = Feature("find")

    @feature.command(Side.ALUMNI, short="/jobs")
    def find(ctx: Context, words: str) -> Answer:
        return None

    @feature.homepage
    def home(ctx: Context) -> Any:
        return None

    return Registry.of([feature])


def test_a_short_command_stands_only_on_its_side() -> None:
    made = manifest(Side.ALUMNI, short_registry(), TEXTS, NOBODY, URL)
    umbrella, short = made["features"]["slash_commands"]
    assert (umbrella["command"], short["command"]) == ("/alumni", "/jobs")
    assert short["usage_hint"] == "名前・会社・部署・場所 / NAME, employer, department or place"
    assert "shortcuts" not in made["features"]
    assert problems(made) == []
    company = manifest(Side.COMPANY, short_registry(), TEXTS, NOBODY, URL)
    assert [command["command"] for command in company["features"]["slash_commands"]] == ["/alumni"]


def test_the_yaml_is_the_manifest_and_reads_well() -> None:
    text = dump(paper(Side.ALUMNI, BRAND))
    assert yaml.safe_load(text) == paper(Side.ALUMNI, BRAND)
    assert "アルムナイ" in text
    assert "long_description: |" in text
    assert list(yaml.safe_load(text)) == list(paper())


def test_the_manifest_of_the_repository_is_up_to_date() -> None:
    lies = (ROOT / "app_manifest.yml").read_text("utf-8")
    assert lies == dump(paper()), "make manifest"


def changed(path: str, value: Any) -> dict[str, Any]:
    """The alumni manifest with one value replaced; `None` takes it away."""
    made = copy.deepcopy(paper())
    *way, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    inner: Any = made
    for step in way:
        inner = inner[step]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return made


COMMAND = {"command": "/x", "description": "x"}
SHORTCUT = {"name": "x", "type": "global", "callback_id": "x", "description": "x"}
BREACHES = [
    ("display_information", None),
    ("display_information/name", "x" * 36),
    ("display_information/name", ""),
    ("display_information/name", 7),
    ("display_information/description", "x" * 141),
    ("display_information/long_description", "x" * 174),
    ("display_information/long_description", "x" * 4001),
    ("display_information/background_color", "#12345"),
    ("display_information/background_color", "red!"),
    ("features/bot_user/display_name", "x" * 81),
    ("features/bot_user/always_online", "yes"),
    ("features/app_home/home_tab", True),
    ("features/agent_view", {}),
    ("features/shortcuts", []),
    ("features/shortcuts", [SHORTCUT | {"callback_id": str(n)} for n in range(11)]),
    ("features/shortcuts", [SHORTCUT, SHORTCUT]),
    ("features/shortcuts/0/name", "x" * 25),
    ("features/shortcuts/0/type", "local"),
    ("features/shortcuts/0/description", "x" * 151),
    ("features/shortcuts/0/callback_id", None),
    ("features/shortcuts/0/callback_id", "x" * 256),
    ("features/slash_commands", [COMMAND | {"command": f"/x{n}"} for n in range(51)]),
    ("features/slash_commands", [COMMAND, COMMAND]),
    ("features/slash_commands", {"command": "/alumni"}),
    ("features/slash_commands/0/command", "alumni"),
    ("features/slash_commands/0/command", "/" + "x" * 32),
    ("features/slash_commands/0/description", "x" * 2001),
    ("features/slash_commands/0/description", None),
    ("features/slash_commands/0/usage_hint", "x" * 1001),
    ("features/slash_commands/0/url", "${BASE_URL}/slack/events"),
    ("features/slash_commands/0", "/alumni"),
    ("oauth_config/scopes/bot", ["chat:write"] * 2),
    ("oauth_config/scopes/bot", [f"a{'b' * n}" for n in range(256)]),
    ("oauth_config/scopes/bot", []),
    ("oauth_config/scopes/bot", ["chat:write", "im:history", "users:read"]),
    ("oauth_config/scopes/bot", ["commands", "im:history"]),
    ("settings/event_subscriptions/bot_events", ["reaction_added"]),
    ("settings/event_subscriptions/bot_events", [f"a{'b' * n}" for n in range(101)]),
    ("settings/event_subscriptions/request_url", "okaeri.example.com/slack/events"),
    ("settings/interactivity/is_enabled", None),
    ("settings/interactivity/message_menu_options_url", "https://" + "x" * 3500),
    ("settings/org_deploy_enabled", 0),
    ("_metadata/major_version", 3),
]


@pytest.mark.parametrize(("path", "value"), BREACHES, ids=range(len(BREACHES)))
def test_a_breach_is_named(path: str, value: Any) -> None:
    assert problems(changed(path, value))


def test_the_checker_takes_any_file() -> None:
    assert problems({}) == ["display_information: missing"]
    assert problems({"features": [], "settings": "x", "display_information": {}, "5": 6}) != []


TYPED = [
    ("find 田中", "find 田中"),
    ("find <@U1|aiko>", "find aiko"),
    ("find <@U1>", "find @U1"),
    ("<#C1|general> <#C1>", "general #C1"),
    ("<!channel> <!here|here> <!subteam^S1|@hr>", "@channel here @hr"),
    ("<https://x.example/?a=1&amp;b=2> <mailto:a@x.jp|a@x.jp>", "https://x.example/?a=1&b=2 a@x.jp"),
    ("&lt;!channel&gt; &amp;lt; R&amp;D", "<!channel> &lt; R&D"),
    ("a < b", "a < b"),
    ("", ""),
]


@pytest.mark.parametrize(("sent", "meant"), TYPED)
def test_what_slack_escapes_is_read_as_it_was_typed(sent: str, meant: str) -> None:
    body = {"team_id": "T1", "user_id": "U1", "command": "/alumni", "text": sent, "trigger_id": "1"}
    assert read.command(body).words == meant
    inner = {"type": "message", "channel_type": "im", "user": "U1", "channel": "D1", "text": sent}
    said = read.event({"team_id": "T1", "event_id": "Ev1", "event": inner})
    assert getattr(said, "words", None) == meant


def test_the_room_is_where_the_scan_looks() -> None:
    assert Path(read.__file__).is_relative_to(ROOT / "adapters" / "slack")
