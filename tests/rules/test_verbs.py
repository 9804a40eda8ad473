"""What people type: any width, either language, quotes or none; the unknown gets a suggestion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.app import CATALOGUE
from bot.conversation import Answer, Card
from bot.registry import Context, Feature, Registry, discover
from bot.texts import LOCALES, Texts
from bot.verbs import Verbs, normal_words

TEXTS = Texts.load(CATALOGUE)
REGISTRY = discover("bot.commands")
VERBS = Verbs(REGISTRY, TEXTS)


def named(words: str, command: str = "alumni") -> tuple[str | None, str]:
    found, rest = VERBS.parse(command, words)
    return (found.name if found else None), rest


@pytest.mark.parametrize(
    ("typed", "name", "rest"),
    [
        ("find 田中", "find", "田中"),
        ("  FIND\u3000田中  愛子 ", "find", "田中 愛子"),
        ("ｆｉｎｄ ﾀﾅｶ", "find", "タナカ"),
        ("探す 田中", "find", "田中"),
        ("find 「田中」", "find", "田中"),
        ("find “Tanaka”", "find", "Tanaka"),
        ('find "Tanaka Aiko"', "find", "Tanaka Aiko"),
        ("find 'tanaka'", "find", "tanaka"),
        ("find O'Brien", "find", "O'Brien"),
        ("find D’Angelo", "find", "D’Angelo"),
        ("find", "find", ""),
        ("find find", "find", "find"),
        ("", "help", ""),
        ("   ", "help", ""),
        ("help", "help", ""),
        ("leavers", "leavers", ""),
        ("leavers add", "leavers add", ""),
        ("leavers ADD x", "leavers add", "x"),
        ("leavers adds", "leavers", "adds"),
        ("join ABCD-EFGH", "join", "ABCD-EFGH"),
        ("findtanaka", None, "findtanaka"),
        ("田中", None, "田中"),
    ],
)
def test_what_is_understood(typed: str, name: str | None, rest: str) -> None:
    assert named(typed) == (name, rest)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", sorted(REGISTRY.commands))
def test_every_verb_is_understood_in_both_languages(name: str, locale: str) -> None:
    command = REGISTRY.commands[name]
    for word in TEXTS.pattern(f"{command.key}.verb", locale).replace("、", ",").split(","):
        assert named(f"{word} x y") == (name, "x y")


def test_no_two_commands_share_a_word() -> None:
    words = [
        (normal_words(word).casefold(), name)
        for name, command in REGISTRY.commands.items()
        for word in {
            name,
            *(
                w
                for loc in LOCALES
                for w in TEXTS.pattern(f"{command.key}.verb", loc).replace("、", ",").split(",")
            ),
        }
    ]
    meant: dict[str, str] = {}
    for word, name in words:
        assert meant.setdefault(word, name) == name, word


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("fnd 田中", "find"), ("profil", "profile"), ("hepl", "help"), ("FINDD", "find"), ("leaver", "leavers")],
)
def test_a_slip_gets_a_suggestion(typed: str, meant: str) -> None:
    command, rest = VERBS.parse("alumni", typed)
    assert command is None
    close = list(VERBS.close_to(rest))
    assert meant in close
    assert len(close) <= 2


def test_nothing_like_it_gets_none() -> None:
    assert list(VERBS.close_to("xyzzy")) == []
    assert list(VERBS.close_to("")) == []


@given(st.text(max_size=60))
def test_anything_typed_is_parsed(typed: str) -> None:
    command, rest = VERBS.parse("alumni", typed)
    assert command is None or command.name in REGISTRY.commands
    assert rest == normal_words(rest)
    assert normal_words(normal_words(typed)) == normal_words(typed)
    list(VERBS.close_to(rest))


def test_a_short_form_takes_all_the_words() -> None:
    made = Feature("bot.commands.help")

    def jobs(ctx: Context, argument: str) -> Answer:
        return None

    made.command(short="/jobs")(jobs)
    made.homepage(lambda ctx: Card("home"))
    made.commands[0] = _as(made.commands[0], "help")
    verbs = Verbs(Registry.of([made]), TEXTS)
    command, rest = verbs.parse("jobs", " find  東京 ")
    assert command is not None
    assert (command.name, rest) == ("help", "find 東京")
    assert verbs.parse("alumni", "jobs")[0] is None


def _as(command, name):  # type: ignore[no-untyped-def]
    return type(command)(name, name, command.handler, command.sides, command.roles, command.short)
