"""wording: HR says a sentence in its own words, in both languages, sees how it reads, and saves it.

A sentence under which consents are given becomes a new version of its wording.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot import phrasing, rulebook
from bot.conversation import (
    Answer,
    Block,
    Button,
    Buttons,
    Card,
    Facts,
    Note,
    Option,
    Paragraph,
    Reply,
    Role,
    Side,
    Text,
    t,
)  # fmt: skip
from bot.errors import BadUsage, InvalidForm
from bot.fields import search, text
from bot.phrasing import LONGEST
from bot.places import DecidedPlace, PolicyPlace
from bot.policy import Policy
from bot.registry import Context, Feature
from bot.texts import Sentence, Texts
from bot.wire import dump_bound
from storage import consents
from storage.consents import Purpose

feature = Feature(__name__)
HR = (Role.HR,)
ROOM = 1900
"""Characters that a button's action may take with its arguments (Slack: 2,000)."""
_LABEL = 70
IN = {"ja": "wording.in_japanese", "en": "wording.in_english"}
FIELDS = {"ja": "japanese", "en": "english"}


@dataclass(frozen=True)
class Picked:
    """One sentence."""

    sentence: str = search()


@dataclass(frozen=True)
class Words:
    """A sentence in both languages; nothing means the original."""

    japanese: str = text(long=True, required=False, limit=LONGEST)
    english: str = text(long=True, required=False, limit=LONGEST)


@dataclass(frozen=True)
class CountedWords:
    """A sentence that English says differently of one and of many."""

    japanese: str = text(long=True, required=False, limit=LONGEST)
    english_one: str = text(long=True, required=False, limit=LONGEST)
    english: str = text(long=True, required=False, limit=LONGEST)


@feature.form(Picked, Side.COMPANY, roles=HR, reads=True)
def pick(ctx: Context, form: Picked) -> Answer:
    """Which sentence is to be said otherwise."""
    book = rulebook.of(ctx.tx)
    _check(book.ground.texts, form.sentence)
    counted = _counted(book.ground.texts, form.sentence)
    return (say_counted if counted else say)(key=form.sentence, base=book.version)


@pick.suggests("sentence")
def sentences_like(ctx: Context, query: str) -> tuple[Option, ...]:
    """Sentences in which the words occur, in either language, or whose key has them."""
    texts, wanted = rulebook.of(ctx.tx).ground.texts, query.casefold()
    keys = (key for key in sorted(texts.keys()) if phrasing.changeable(key))
    found = (
        key for key in keys if wanted in f"{key} {' '.join(map(_raw, texts.said(key).values()))}".casefold()
    )
    return tuple(Option(key, _raw(texts.said(key).get(ctx.actor.locale, key))[:_LABEL]) for key in found)


@pick.offered_on(PolicyPlace)
def on_overview(ctx: Context) -> Button | None:
    """Beside the other things that HR decides."""
    return Button(t("wording.button"), pick())


@feature.form(Words, Side.COMPANY, roles=HR, reads=True)
def say(ctx: Context, form: Words, key: str, base: int) -> Answer:
    """How it would read; nothing is saved yet."""
    return _tried(ctx, key, base, {"ja": form.japanese, "en": form.english})


@say.prepare
def said_now(ctx: Context, key: str, base: int) -> Words:
    """The sentence in force."""
    return Words(*(_raw(words) for words in _in_force(ctx, key, "ja", "en")))


@say.intro
def original(ctx: Context, key: str, base: int) -> Card:
    """The original in both languages, and what must stay in it."""
    return _original(ctx, key)


@feature.form(CountedWords, Side.COMPANY, roles=HR, reads=True)
def say_counted(ctx: Context, form: CountedWords, key: str, base: int) -> Answer:
    """The same for a sentence that counts."""
    many, one = form.english, form.english_one
    english: Sentence = {"one": one, "other": many} if one and many else many or one
    return _tried(ctx, key, base, {"ja": form.japanese, "en": english})


@say_counted.prepare
def counted_now(ctx: Context, key: str, base: int) -> CountedWords:
    """The sentence in force."""
    japanese, english = _in_force(ctx, key, "ja", "en")
    forms = english if isinstance(english, dict) else {"one": english, "other": english}
    return CountedWords(_raw(japanese), forms.get("one", forms["other"]), forms["other"])


@say_counted.intro
def counted_original(ctx: Context, key: str, base: int) -> Card:
    """The original in both languages, and what must stay in it."""
    return _original(ctx, key)


@feature.action(Side.COMPANY, roles=HR)
def keep(ctx: Context, key: str, ja: str, en: str, base: int) -> Answer:
    """Save what the preview showed; the words come back from the button and are checked again."""
    book = rulebook.edited(ctx.tx, base)
    texts = book.ground.texts
    _check(texts, key)
    said = {"ja": ja, "en": _unpacked(en)}
    if _wrong(key, said, texts):
        raise BadUsage("common.outdated")
    changed = replace(book.charter, wording=phrasing.merged(book.charter.wording, key, said, texts))
    row = book.save(ctx.tx, changed, base, str(ctx.actor.address))
    listed = row.wordings.get(phrasing.consent_of(key) or "", ())
    note: tuple[Block, ...] = tuple(
        Note(t("wording.consent_saved", version=one["id"])) for one in listed[-1:]
    )
    body = (Paragraph(t("wording.saved_text")), *note, Buttons(ctx.offers(DecidedPlace)))
    return Reply(Card(t("wording.saved"), body, t("common.notice")), replaces=True)


def _tried(ctx: Context, key: str, base: int, said: Mapping[str, Sentence]) -> Answer:
    """The preview with its button. Raises `InvalidForm` with what is wrong in which language."""
    texts = rulebook.edited(ctx.tx, base).ground.texts
    _check(texts, key)
    wrong = _wrong(key, said, texts)
    save = keep(key=key, ja=str(said["ja"]), en=_packed(said["en"]), base=base)
    if not wrong and len(dump_bound(save)) > ROOM:
        wrong["english"] = t("wording.too_long")
    if wrong:
        raise InvalidForm(wrong)
    return Reply(_preview(ctx, key, said, Button(t("wording.save"), save, "primary")))


def _wrong(key: str, said: Mapping[str, Sentence], texts: Texts) -> dict[str, Text]:
    """Field -> what is wrong with the words in it; nothing said is the original and never wrong."""
    return {
        FIELDS[locale]: mistake.right
        for locale, words in said.items()
        if words
        for mistake in phrasing.wrong(key, locale, words, texts)
    }


def _packed(words: Sentence) -> str:
    """A sentence as one argument of a button; of two forms both, as JSON."""
    return json.dumps(words, ensure_ascii=False) if isinstance(words, dict) else words


def _unpacked(text: str) -> Sentence:
    """What `_packed` made, or whatever a client claims: `_wrong` looks at it."""
    try:
        found = json.loads(text) if text.startswith("{") else text
    except (ValueError, RecursionError):
        return text
    forms = isinstance(found, dict) and all(isinstance(form, str) for form in found.values())
    return found if forms else text


def _preview(ctx: Context, key: str, said: Mapping[str, Sentence], save: Button) -> Card:
    texts = rulebook.of(ctx.tx).ground.texts
    read = {locale: words or texts.original(key)[locale] for locale, words in said.items()}
    rows = tuple((t(IN[locale]), _sample(words, ctx.policy)) for locale, words in read.items())
    body = (Facts(rows), *_consent(ctx, key), Buttons((save,)), Note(t("wording.not_yet")))
    return Card(t("wording.preview"), body, t("common.notice"))


def _consent(ctx: Context, key: str) -> tuple[Block, ...]:
    """That these words carry consents, and under which version they are asked now."""
    purpose = phrasing.consent_of(key)
    if purpose is None:
        return ()
    now = consents.wording(ctx.tx, Purpose(purpose))
    return (Paragraph(t("wording.consent", version=now)),)


def _original(ctx: Context, key: str) -> Card:
    texts = rulebook.of(ctx.tx).ground.texts
    _check(texts, key)
    rows = tuple((t(label), _raw(texts.original(key)[locale])) for locale, label in IN.items())
    needed = " ".join(f"{{{name}}}" for name in sorted(phrasing.places(texts.original(key)["en"])))
    places = (Note(t("wording.places", places=needed)),) if needed else ()
    body = (Paragraph(t("wording.original")), Facts(rows), *places, *_consent(ctx, key))
    return Card(t("wording.say.title"), body)


def _sample(words: Sentence, policy: Policy) -> str:
    """How a sentence reads, with the brand in its places; what is not known yet keeps its name."""
    known = {"network": policy.brand.network, "company": policy.brand.company}
    known["contact"] = policy.brand.contact_name
    read = _raw(words).replace("**", "")
    for name, value in known.items():
        read = read.replace(f"{{{name}}}", value)
    return read


def _raw(words: Sentence) -> str:
    """A sentence with its places; of two forms both."""
    return " / ".join(words.values()) if isinstance(words, dict) else words


def _in_force(ctx: Context, key: str, *locales: str) -> tuple[Sentence, ...]:
    texts = rulebook.of(ctx.tx).ground.texts
    _check(texts, key)
    return tuple(texts.said(key)[locale] for locale in locales)


def _counted(texts: Texts, key: str) -> bool:
    return isinstance(texts.original(key)["en"], dict)


def _check(texts: Texts, key: str) -> None:
    """Raises `BadUsage` for a key that cannot be said otherwise: forged, or of another version."""
    if not texts.has(key) or not phrasing.changeable(key):
        raise BadUsage("common.outdated")
