"""What may be said instead of a sentence of the catalogue: its own places, no markup, no word never used."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.conversation import Text, t
from bot.fields import clean
from bot.texts import LOCALES, Sentence, Texts

LONGEST = 700
Wording = Mapping[str, Mapping[str, Sentence]]
"""key -> language -> what is said instead."""
_FORMS = frozenset({"one", "other"})
_PLACE = re.compile(r"\{(\w+)\}")
_MARKUP = re.compile(r"</?[a-zA-Z!]|&[a-z]+;|&#")
_NEVER = ("".join(map(chr, (0x51FA, 0x623B, 0x308A))), "al" + "um", "al" + "ums")
"""Words of the glossary's column "never" that hurt; nowhere in the project, so not even here as a whole."""
_FOUND = 60
_FIXED = ("slack.", "doctor.", "backstage.", "policy.", "wording.")
_CONSENTS: Mapping[str, tuple[str, ...]] = {
    "stay_in_touch": ("welcome.wording", "join.intro", "join.enter.agree.yes"),
}
_BY_NAME = re.compile(r"[a-z_]+\.wording\.(stay_in_touch|events|openings|business|research)")


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong in what HR wrote: under which key, what was found (None: the key itself is wrong), what
    would be right."""

    key: str
    found: str | None
    right: Text


def changeable(key: str) -> bool:
    """Whether HR may say it in other words: not the verbs, by which commands are known; not what platforms
    and operators are told; not the words of these very forms."""
    return not key.endswith(".verb") and not key.startswith(_FIXED)


def consent_of(key: str) -> str | None:
    """The purpose whose consent is given under this sentence: named above, or `….wording.<purpose>`."""
    named = next((purpose for purpose, keys in _CONSENTS.items() if key in keys), None)
    found = _BY_NAME.fullmatch(key)
    return named or (found[1] if found else None)


def consent_keys(texts: Texts, purpose: str) -> list[str]:
    """The sentences under which consent for a purpose is given."""
    return [key for key in sorted(texts.keys()) if consent_of(key) == purpose]


def read(table: object, texts: Texts) -> tuple[Wording, list[Mistake]]:
    """`[wording.ja]` and `[wording.en]` of a document: what is right, and every mistake."""
    if not isinstance(table, dict):
        return {}, [Mistake("wording", _short(table), t("policy.right.languages"))]
    said: dict[str, dict[str, Sentence]] = {}
    mistakes: list[Mistake] = []
    for locale, sentences in table.items():
        if locale not in LOCALES or not isinstance(sentences, dict):
            mistakes.append(Mistake(f"wording.{locale}", None, t("policy.right.languages")))
            continue
        for key, words in _flat("", sentences, texts):
            found = list(wrong(key, locale, words, texts))
            mistakes += found
            if not found and words != texts.original(key).get(locale):
                said.setdefault(key, {})[locale] = words
    return said, mistakes


def wrong(key: str, locale: str, words: object, texts: Texts) -> Iterator[Mistake]:
    """Everything that is wrong with a sentence in one language."""
    place = f"wording.{locale}.{key}"
    if not texts.has(key):
        close = difflib.get_close_matches(key, texts.keys(), n=1)
        yield Mistake(
            place, _short(words), t("policy.right.near", near=close[0]) if close else t("policy.right.key")
        )
        return
    if not changeable(key):
        yield Mistake(place, _short(words), t("policy.right.fixed"))
        return
    original = texts.original(key).get(locale, "")
    forms = _forms(words)
    if forms is None or (isinstance(words, dict) and not isinstance(original, dict)):
        yield Mistake(place, _short(words), t("policy.right.sentence"))
        return
    yield from (Mistake(place, _short(form), right) for form in forms for right in _unclean(form))
    needed, given = places(original), places(words)
    if needed != given:
        listed = " ".join(f"{{{name}}}" for name in sorted(needed))
        right = t("policy.right.places", places=listed) if needed else t("policy.right.no_places")
        yield Mistake(place, " ".join(f"{{{name}}}" for name in sorted(given)), right)


def merged(wording: Wording, key: str, said: Mapping[str, Sentence], texts: Texts) -> Wording:
    """A wording with one sentence said otherwise; what says nothing, or the original, is left out."""
    original = texts.original(key)
    own = {locale: words for locale, words in said.items() if words and words != original.get(locale)}
    others = {other: words for other, words in wording.items() if other != key}
    return {**others, key: own} if own else others


def places(sentence: object) -> set[str]:
    """The names of what is filled into a sentence, over all its forms."""
    return {name for form in _forms(sentence) or [] for name in _PLACE.findall(form)}


def _flat(prefix: str, table: Mapping[str, Any], texts: Texts) -> Iterator[tuple[str, Any]]:
    """Sentences by their whole key; TOML reads `welcome.title = …` without quotes as a table in a table."""
    for name, value in table.items():
        key = f"{prefix}{name}"
        if isinstance(value, dict) and not (texts.has(key) and value.keys() <= _FORMS):
            yield from _flat(f"{key}.", value, texts)
        else:
            yield key, value  # whatever it is: `wrong` says so


def _forms(words: object) -> list[str] | None:
    """The one or two forms of a sentence; None for what is no sentence."""
    forms = list(words.values()) if isinstance(words, dict) and "other" in words else [words]
    known = not isinstance(words, dict) or words.keys() <= _FORMS
    return [str(form) for form in forms] if known and all(isinstance(form, str) for form in forms) else None


def _unclean(form: str) -> Iterator[Text]:
    if not form or form != form.strip():
        yield t("policy.right.filled")
    if len(form) > LONGEST:
        yield t("policy.right.words", limit=LONGEST)
    stray = set("{}") & set(_PLACE.sub("", form))
    if stray or _MARKUP.search(form) or form.count("**") % 2 or clean(form) != form.strip():
        yield t("policy.right.plain")
    if bad := never(form):
        yield t("policy.right.never", word=bad)


def never(text: str) -> str:
    """The first word in a text that this house never says, or ""."""
    japanese, *others = _NEVER
    words = set(re.findall(r"[a-z]+", text.casefold()))
    return japanese if japanese in text else next((word for word in others if word in words), "")


def _short(value: object) -> str:
    return str(value)[:_FOUND]
