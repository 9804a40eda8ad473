"""How a name is compared and found: kanji variants, width, kana, romaji and honorifics folded into terms;
and how skills are taken apart and compared.

A folded text is never shown. Two ways of writing one name meet in the same terms; what two names share
(きょう and きよ, おう and お) may meet too: to miss a person is worse than one line too many.
No reading is ever guessed from kanji.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

# Each pair: how a name may be written, how it is compared (old, popular and name-only forms).
_PAIRS = """
髙高 﨑崎 嵜崎 邊辺 邉辺 齋斉 齊斉 斎斉 澤沢 濵浜 濱浜 瀨瀬 廣広 國国 圀国 嶋島 嶌島 嶹島 冨富 瀧滝 櫻桜
龍竜 眞真 惠恵 條条 榮栄 學学 斈学 會会 淺浅 藏蔵 實実 壽寿 圓円 德徳 增増 黑黒 靑青 戶戸 產産 當当 醫医
鐵鉄 銕鉄 佛仏 單単 豐豊 寶宝 寳宝 廳庁 彌弥 萬万 禮礼 穗穂 曾曽 槙槇 遙遥 堯尭 莊荘 彥彦 鄕郷 吳呉 郞郎
𠮷吉 𣘺橋 槗橋 舘館 舩船 栁柳 桒桑 埜野 梹浜 渕淵 渊淵 峯峰 嶽岳 巖巌 籔薮 藪薮 鷗鴎 靏鶴 靍鶴 莵菟 禰祢
禱祷 檜桧 籠篭 關関 驒騨 凜凛 亙亘 晉晋 來来 兒児 與与 豫予 樂楽 營営 應応 覺覚 龜亀 歸帰 氣気 縣県 顯顕
劍剣 劔剣 恆恒 參参 絲糸 釋釈 收収 從従 淨浄 乘乗 讓譲 愼慎 粹粋 聲声 攝摂 總総 搜捜 巢巣 卽即 體体 對対
臺台 擇択 遲遅 晝昼 聽聴 鎭鎮 轉転 傳伝 燈灯 稻稲 獨独 讀読 拜拝 賣売 發発 拔抜 甁瓶 拂払 變変 辨弁 辯弁
瓣弁 舖舗 步歩 滿満 默黙 譯訳 藥薬 譽誉 謠謡 搖揺 樣様 亂乱 覽覧 兩両 獵猟 綠緑 鄰隣 勵励 隸隷 靈霊 齡齢
戀恋 爐炉 勞労 樓楼 錄録 灣湾 薗園 栢柏 桝枡 凉涼 㐂喜 穐秋 枩松 翆翠 勳勲 曻昇 薰薫 蘆芦 賴頼 鷄鶏 嚴厳
壯壮 澁渋 煕熙 祕秘 稱称 竸競 緖緒 繩縄 繪絵 續続 藝芸 號号 觀観 證証 豎竪 贊賛 邨村 醉酔 鑛鉱 隨随 雙双
飜翻 驛駅 鹽塩 麥麦 點点 髮髪 淸清 敎教 橫横 狹狭 頴穎
"""
_LATIN = {"đ": "d", "ð": "d", "ø": "o", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ı": "i"}
_KATAKANA = {chr(code): chr(code - 0x60) for code in range(0x30A1, 0x30F7)}
_FOLDED = str.maketrans(
    {pair[0]: pair[1] for pair in _PAIRS.split()}
    | _LATIN
    | _KATAKANA
    | {"ヵ": "か", "ヶ": "け", "ゕ": "か", "ゖ": "け", "ヽ": "ゝ", "ヾ": "ゞ"}
)

_KANA = "\u3041-\u3096\u309d\u309e\u30fc"  # hiragana only: folding has turned katakana into it
_HAN = (
    "\u3005-\u3007\u3100-\u312f\u31a0-\u31bf\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_RUN = re.compile(f"(?P<cjk>[{_KANA}{_HAN}]+)|(?P<word>(?:(?![{_KANA}{_HAN}])[^\\W_])+)")
_KANA_RUN = re.compile(f"[{_KANA}]+")
_PIECE = re.compile(f"[{_KANA}]+|[{_HAN}]+")
_GAP = re.compile(f"(?<=[{_KANA}{_HAN}])[ ・=゠]+(?=[{_KANA}{_HAN}])")  # between surname and given name
_APOSTROPHE = re.compile(r"(?<=[^\W_])['’‘ʼ`](?=[^\W_])")
_HYPHEN_N = re.compile(r"(?<=n)-(?=[aiueoy])")  # Jun-ichi is Jun'ichi, Mary-Jane is two words
_HYPHENED = re.compile(r"(?<![a-z])[a-z]+(?:-[a-z]+)+")

_ROWS = {
    "": "あいうえお", "k": "かきくけこ", "g": "がぎぐげご", "s": "さしすせそ", "z": "ざじずぜぞ",
    "t": "たちつてと", "d": "だ  でど", "n": "なにぬねの", "h": "はひふへほ", "b": "ばびぶべぼ",
    "p": "ぱぴぷぺぽ", "m": "まみむめも", "y": "や ゆ よ", "r": "らりるれろ", "w": "わ    ",
}  # fmt: skip
_SYLLABLES = {
    kana: head + vowel for head, row in _ROWS.items() for kana, vowel in zip(row, "aiueo", strict=True)
}
_SYLLABLES |= {"ぢ": "zi", "づ": "zu", "ゔ": "vu", "を": "o", "ゐ": "i", "ゑ": "e", "ん": "n'"}
_SMALL = dict(zip("ぁぃぅぇぉゃゅょゎ", ("a", "i", "u", "e", "o", "ya", "yu", "yo", "wa"), strict=True))

# What a rule needs in the word, what it looks for, what it writes. Rules keep prefixes: the key of what is
# typed so far begins the key of the name (hence kyo -> kiyo: ki finds it, and bank files write キヨ too).
_SPELLINGS = tuple(
    (needed, re.compile(pattern), instead)
    for needed, pattern, instead in (
        ("cch", r"c(?=ch)", "t"),
        ("sh", r"sh(?=i)", "s"), ("sh", r"sh(?=[aueo])", "sy"), ("sh", r"sh", "si"),
        ("ch", r"ch(?=i)", "t"), ("ch", r"ch(?=[aueo])", "ty"), ("ch", r"ch", "ti"),
        ("j", r"j(?=[iy])", "z"), ("j", r"j(?=[aueo])", "zy"), ("j", r"j", "zi"),
        ("ts", r"ts", "t"), ("dz", r"dz", "z"),
        ("o", r"o(?:[ou]|h(?![aiueoy]))+", "o"), ("u", r"u(?:u|h(?![aiueoy]))+", "u"),
        ("aa", r"aa+", "a"), ("ii", r"ii+", "i"),
        ("f", r"f", "h"), ("m", r"m(?=[bmp])", "n"),
        ("y", r"(?<=[bcdghkmprstvz])y", "iy"),
        ("'", r"'", ""),
    )
)  # fmt: skip
_LONG_O = (  # 大井: Ooi, Ohi; 大矢: Oya, Ohya; but 小原: Ohara
    (re.compile(r"o[ou](?=[aiueoy])"), "oh"),
    (re.compile(r"oh(?=[aiueoy])"), "oo"),
)
_NASAL = re.compile(r"n(?=[bmp])")
_ROMAJI = re.compile(r"(?:[bcdfghjkmnprstvwyz]{0,3}[aiueo]|n'?)+h?")
_SYLLABLE = re.compile(
    r"(?<=[aiueo'])(?!n(?![aiueoy])|([b-df-hj-np-tv-z])\1|tch)[a-z]"  # after a vowel,
    r"|(?<=n)(?![aiueoyn'])[a-z]"  # after ん,
    r"|(?<=([b-df-hj-np-tv-z]))\2|(?<=t)ch"  # or the second half of っ and its consonant
)

_HONORIFICS = ("さん", "様", "さま", "氏", "くん", "君", "ちゃん", "殿", "先生")
_TITLES = frozenset({"san", "sama", "kun", "chan", "sensei", "mr", "mrs", "ms", "miss", "dr"})
_LONGEST_WORD = 32  # letters; both sides are cut alike, so a longer word is still found
_LONGEST_QUERY = 120

_BETWEEN_SKILLS = re.compile("[,，﹐︐、､﹑︑;；﹔︔・･·•\r\n\u2028\u2029]")
_BULLET = re.compile(r"^(?:\s*[-*‐–—]+\s+)+")  # of a list that was pasted; C-- and -ing keep theirs
_SAME_SIGN = str.maketrans({"♯": "#"} | dict.fromkeys((*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
MOST_SKILLS = 20
LONGEST_SKILL = 40


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """One thing that a hit must have: exactly this term, or with `prefix` a term that begins with it."""

    term: str
    prefix: bool


def fold(text: str) -> str:
    """The comparable form: NFKC, no marks or variation selectors, small letters, hiragana, one kanji form."""
    parts = unicodedata.normalize("NFKD", text)
    if not parts.isascii():
        parts = "".join(c for c in parts if unicodedata.category(c)[0] != "M" or c in "\u3099\u309a")
    folded = unicodedata.normalize("NFKC", parts.casefold()).translate(_FOLDED)
    return "".join(c for c in folded if c.isprintable() or c.isspace())


def romaji_key(kana_or_latin: str) -> str:
    """One key for a name in kana or in any romanisation: さとう, ｻﾄｳ, Satō, Satoh and sato are all "sato".

    Words are joined; kanji are left out, because their reading is not known.
    """
    key = ""
    for kind, run in _runs(_plain(kana_or_latin)):
        key += _key(run) if kind == "word" else "".join(_key(_raw(kana)) for kana in _KANA_RUN.findall(run))
    return key


def terms(text: str, *, field_prefix: str = "") -> set[str]:
    """Every term under which a text is found; letters and digits only, so none can begin with `_`.

    `field_prefix` (letters and digits) is put before each term, to tell the terms of one field apart.
    """
    if field_prefix and not field_prefix.isalnum():
        raise ValueError("a field prefix is made of letters and digits")
    found: set[str] = set()
    folded = _GAP.sub("", _APOSTROPHE.sub("", fold(text)))  # 高橋 太郎 is also looked for without the space
    for word in _HYPHENED.findall(folded):
        found |= _words(word.replace("-", ""))
    for kind, run in _runs(folded):
        if kind == "word":
            found |= _words(run)
            continue
        found.update(run[at : at + 2] for at in range(len(run)))
        for kana in _KANA_RUN.findall(run):
            found |= _words(_raw(kana))
    return {field_prefix + term for term in found if term}


def query_terms(query: str) -> list[QueryTerm]:
    """What a hit must have, each of it; empty when the query holds no letter and no digit.

    Whatever is typed, a term is made of letters and digits only, so that nothing in it can be read as syntax.
    """
    runs = list(_runs(_plain(query[:_LONGEST_QUERY])))
    named = [run for run in runs if run[1] not in _TITLES and run[1] not in _HONORIFICS]
    wanted = [term for kind, run in (named or runs) for term in _wanted(kind, run) if term.term]
    return list(dict.fromkeys(wanted))


def skills(text: str) -> tuple[tuple[str, str], ...]:
    """What somebody can do, word by word: (as compared, as typed), at most `MOST_SKILLS`, none of them twice.

    Width, case and spaces are no difference, every other sign is one: C, C++, C#, .NET and Go stay apart.
    What has no letter and no digit, or is longer than `LONGEST_SKILL` characters, is left out.
    """
    found: dict[str, str] = {}
    for part in _BETWEEN_SKILLS.split(text):
        typed = " ".join(_BULLET.sub("", part).split()).rstrip("。. ")  # the sentence's stop, not the skill's
        word = _skill(typed)
        if any(map(str.isalnum, word)) and max(len(word), len(typed)) <= LONGEST_SKILL:
            found.setdefault(word, typed)
    return tuple(islice(found.items(), MOST_SKILLS))


def _skill(typed: str) -> str:
    plain = "".join(c for c in typed.translate(_SAME_SIGN) if c.isprintable() or c.isspace())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKD", plain).casefold())
    return " ".join(_BULLET.sub("", _BETWEEN_SKILLS.sub(" ", folded)).split()).rstrip("。. ")


def _wanted(kind: str, run: str) -> Iterator[QueryTerm]:
    if kind == "word":
        yield QueryTerm(_key(run)[:_LONGEST_WORD], prefix=True)
        return
    for piece in _PIECE.findall(_without_honorific(run)):
        if _KANA_RUN.fullmatch(piece):
            yield QueryTerm(_key(_raw(piece))[:_LONGEST_WORD], prefix=True)
        elif len(piece) == 1:
            yield QueryTerm(piece, prefix=True)
        else:
            yield from (QueryTerm(piece[at : at + 2], prefix=False) for at in range(len(piece) - 1))


def _without_honorific(run: str) -> str:
    for honorific in _HONORIFICS:
        name = run.removesuffix(honorific)
        if name != run and name and not (len(name) == 1 and _KANA_RUN.fullmatch(name)):
            return name
    return run


def _plain(text: str) -> str:
    return _HYPHEN_N.sub("", _APOSTROPHE.sub("", fold(text)))


def _runs(folded: str) -> Iterator[tuple[str, str]]:
    """The stretches of letters in their order: ("cjk", 高橋), ("word", smith)."""
    for match in _RUN.finditer(folded):
        yield match.lastgroup or "", match[0]


def _raw(hiragana: str) -> str:
    """Kana in romaji, long vowels spelt out: きょう -> kyou, しんいち -> sin'iti, はっとり -> hattori."""
    made: list[str] = []
    double = False
    for kana in hiragana:
        if kana in _SMALL and made and made[-1] != "n'":
            made[-1] = _with_small(made[-1], _SMALL[kana])
            continue
        syllable = made[-1] if kana in "ゝゞ" and made else _SYLLABLES.get(kana) or _SMALL.get(kana, "")
        if syllable:
            made.append(syllable[0] + syllable if double and syllable[0] not in "aiueon" else syllable)
        double = kana == "っ"
    return "".join(made)


def _with_small(syllable: str, small: str) -> str:
    """き+ょ -> kyo, ふ+ぁ -> ha (as fa), し+ぇ -> sye, く+ぁ -> kwa, う+ぃ -> wi, さ+ぁ -> sa."""
    head, vowel = syllable[:-1], syllable[-1]
    if len(small) > 1 or small == vowel:
        return head + small
    if head in ("", "k", "g") and vowel == "u":
        return f"{head}w{small}"
    if vowel == "i":
        return f"{head}y{small}"
    return head + small if head else syllable + small


def _key(word: str) -> str:
    for needed, pattern, instead in _SPELLINGS:
        if needed in word:
            word = pattern.sub(instead, word)
    return word


def _words(raw: str) -> set[str]:
    """The keys of a word; if it reads as romaji also those of its parts, so that hasi finds takahasi."""
    starts = [0]
    if _ROMAJI.fullmatch(raw):
        starts += [match.start() for match in _SYLLABLE.finditer(raw)]
    forms = {raw[at : at + 2 * _LONGEST_WORD] for at in starts}
    for pattern, instead in _LONG_O:
        forms |= {pattern.sub(instead, form) for form in forms}
    keys = {_key(form)[:_LONGEST_WORD] for form in forms}
    return keys | {_NASAL.sub("m", key) for key in keys}
