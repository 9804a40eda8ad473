"""Two ways of writing one name meet in the same terms, and nothing typed is ever syntax."""

import sqlite3
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.names import QueryTerm, fold, query_terms, romaji_key, terms

# kana -> (how passports write it, how a school book writes it)
SYLLABLES = {
    "あ": ("a", "a"), "い": ("i", "i"), "う": ("u", "u"),
    "え": ("e", "e"), "お": ("o", "o"), "か": ("ka", "ka"),
    "き": ("ki", "ki"), "こ": ("ko", "ko"), "が": ("ga", "ga"), "し": ("shi", "si"), "ち": ("chi", "ti"),
    "つ": ("tsu", "tu"), "ふ": ("fu", "hu"), "じ": ("ji", "zi"), "ひ": ("hi", "hi"), "ほ": ("ho", "ho"),
    "た": ("ta", "ta"), "と": ("to", "to"), "な": ("na", "na"), "に": ("ni", "ni"), "ば": ("ba", "ba"),
    "ぶ": ("bu", "bu"), "ま": ("ma", "ma"), "み": ("mi", "mi"), "や": ("ya", "ya"), "よ": ("yo", "yo"),
    "り": ("ri", "ri"), "ろ": ("ro", "ro"), "わ": ("wa", "wa"),
    "しゃ": ("sha", "sya"), "しょ": ("sho", "syo"),
    "ちょ": ("cho", "tyo"), "じゅ": ("ju", "zyu"), "きょ": ("kyo", "kyo"), "りゅ": ("ryu", "ryu"),
    "ひょ": ("hyo", "hyo"), "おう": ("ou", "ô"), "とう": ("tō", "too"), "しょう": ("shou", "syô"),
    "ゆう": ("yuu", "yû"), "っと": ("tto", "tto"), "っち": ("tchi", "tti"), "んた": ("nta", "nta"),
    "んぶ": ("mbu", "nbu"), "んま": ("mma", "nma"), "んい": ("n'i", "n-i"), "んや": ("n'ya", "n'ya"),
}  # fmt: skip
KANJI = "田中山川木村林高髙橋﨑崎邊辺齋斉澤沢島嶋浜濵葛\U00020bb7吉佐々小野太郎花子愛恵惠一二三"
HALF = str.maketrans(
    {
        "サ": "ｻ",
        "ト": "ﾄ",
        "ウ": "ｳ",
        "タ": "ﾀ",
        "カ": "ｶ",
        "ハ": "ﾊ",
        "シ": "ｼ",
        "マ": "ﾏ",
        "ン": "ﾝ",
        "ー": "ｰ",
    }
)

INDEX = "CREATE VIRTUAL TABLE f USING fts5(x, tokenize=\"unicode61 remove_diacritics 0 tokenchars '_'\")"

kanji_words = st.text(KANJI, min_size=1, max_size=20)
spelt = st.lists(st.sampled_from(sorted(SYLLABLES)), min_size=1, max_size=10).filter(
    lambda syllables: syllables[0][0] not in "っん"  # no Japanese word begins with these
)
queries = st.one_of(
    st.text(max_size=60),
    st.text("田中たなかtanaka\"'*()&|!:<->_ ANDORNEAR%\\\x00", max_size=60),
)


def katakana(kana: str) -> str:
    return "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in kana)


def found(stored: set[str], query: str) -> bool:
    """What both databases do: every wanted term is there, or begins one that is there."""
    wanted = query_terms(query)
    return bool(wanted) and all(
        any(term.startswith(w.term) for term in stored) if w.prefix else w.term in stored for w in wanted
    )


def spellings(syllables: Sequence[str]) -> Iterator[str]:
    kana = "".join(syllables)
    yield from (kana, katakana(kana), katakana(kana).translate(HALF))
    for way in (0, 1):
        latin = "".join(SYLLABLES[s][way] for s in syllables)
        yield from (latin, latin.upper(), latin.title())


@pytest.mark.parametrize(
    "spelling",
    [
        "さとう",
        "サトウ",
        "ｻﾄｳ",
        "satou",
        "Satoh",
        "Satō",
        "sato",
        "SATO",
        "Ｓａｔｏ",
        "Satô",
        "サトー",
        "satoo",
    ],
)
def test_every_spelling_of_sato_has_one_key(spelling: str) -> None:
    assert romaji_key(spelling) == "sato"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("shimbashi", "sinbasi"), ("Jun'ichi", "じゅんいち"), ("Jun-ichi", "junichi"), ("けんや", "Kenya"),
        ("Ohno", "おおの"), ("Yuhki", "ゆうき"),
        ("Kohei", "こうへい"), ("matcha", "まっちゃ"),
        ("fujita", "huzita"), ("Inoue", "いのうえ"), ("shiina", "しいな"),
        ("jya", "じゃ"), ("Tyûzyô", "chuujou"),
        ("ジェーン", "Jen"), ("フィオナ", "Fiona"), ("ウィル", "wiru"),
        ("キヨウコ", "きょうこ"), ("ﾁﾞ", "じ"),
        ("いすゞ", "いすす"), ("クァン", "kwan"), ("さぁ", "sa"),
        ("ティナ", "Tina"), ("Ｎｇｕｙễｎ", "nguyen"),
        ("Øystein", "oystein"), ("Straße", "STRASSE"),
    ],
)  # fmt: skip
def test_spellings_that_meet(one: str, other: str) -> None:
    assert romaji_key(one) == romaji_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("髙橋", "高橋"), ("山﨑", "山崎"), ("渡邊", "渡辺"),
        ("渡邉", "渡辺"), ("齋藤", "斉藤"), ("齊藤", "斎藤"),
        ("澤田", "沢田"), ("葛\U000e0100城", "葛城"), ("濵田", "浜田"),
        ("\U00020bb7田", "吉田"), ("廣瀨", "広瀬"),
        ("神\ufa19", "神神"), ("龍ヶ崎", "竜ケ崎"), ("ﾔﾏﾀﾞ", "やまだ"), ("か\u3099", "ガ"), ("ＡＢＣ", "abc"),
        ("Müller", "muller"), ("\u202e田中\u202c", "田中"), ("田\u200b中", "田中"),
    ],
)  # fmt: skip
def test_what_folds_together(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_different_names_stay_different() -> None:
    names = [
        "田中",
        "中田",
        "山田",
        "たなか",
        "さとう",
        "かとう",
        "Smith",
        "Schmidt",
        "高橋",
        "橋本",
        "Kohara",
        "Ora",
    ]
    assert len({fold(name) for name in names}) == len(names)
    assert romaji_key("たなか") != romaji_key("なかた")
    assert not found(terms("きょうこ"), "yoko")


@given(st.text(max_size=80))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(kanji_words, kanji_words, st.data())
def test_any_part_of_a_kanji_name_finds_it(surname: str, given_name: str, data: st.DataObject) -> None:
    stored = terms(f"{surname} {given_name}")
    whole = data.draw(
        st.sampled_from([f"{surname}{given_name}", f"{surname} {given_name}", given_name, surname])
    )
    start = data.draw(st.integers(0, len(whole) - 1))
    part = whole[start : data.draw(st.integers(start + 1, len(whole)))]
    if part.strip():
        assert found(stored, part)


@given(spelt, spelt)
def test_any_spelling_finds_a_name_stored_in_any_other(surname: list[str], given_name: list[str]) -> None:
    for stored in spellings(surname):
        for typed in spellings(surname):
            assert found(terms(stored), typed), (stored, typed)
    kana = "".join(surname), "".join(given_name)
    for whole in (" ".join(kana), "".join(kana)):
        assert found(terms(" ".join(kana)), whole)
    assert all(found(terms(" ".join(kana)), typed) for typed in spellings(given_name))


@given(spelt, st.data())
def test_the_beginning_of_a_name_in_kana_is_enough(syllables: list[str], data: st.DataObject) -> None:
    kana = "".join(syllables)
    part = kana[: data.draw(st.integers(1, len(kana)))]
    assert found(terms(kana), part) or part in ("ん", "っ")


@pytest.mark.parametrize(
    ("stored", "query"),
    [
        ("たかはし", "hashi"), ("Takahashi", "はし"), ("井上 いのうえ", "うえ"), ("はっとり", "tori"),
        ("おおうち", "Ohuchi"), ("おおや", "Ohya"), ("Ohya", "おおや"),
        ("大井 おおい", "Ohi"), ("はなこ おおい", "ohi"),
        ("なんぶ", "nam"), ("ちば", "ch"),
        ("しゃ", "sh"), ("じろう", "j"), ("ふじた", "f"), ("きょうこ", "ky"), ("きょうこ", "き"),
        ("Mary-Jane Watson", "maryjane"), ("Mary-Jane Watson", "Mary Jane"), ("O'Brien", "obrien"),
        ("O’Brien", "O'Brien"), ("高橋・太郎", "高橋太郎"),
        ("ジョン・スミス", "ジョンスミス"), ("美佐子 ミサコ", "みさ子"),
        ("田中 太郎 タナカ タロウ", "タナカ太郎"), ("第１営業部", "第1営業部"),
        ("김민수", "민수"), ("Иванов", "иван"),
    ],
)  # fmt: skip
def test_parts_and_habits_of_typing(stored: str, query: str) -> None:
    assert found(terms(stored), query)


@pytest.mark.parametrize(
    "query",
    [
        "田中さん",
        "田中サン",
        "田中 様",
        "田中氏",
        "田中くん",
        "田中ちゃん",
        "田中先生",
        "Mr. 田中",
        "田中-san",
        "ms 田中",
    ],
)
def test_honorifics_are_not_looked_for(query: str) -> None:
    assert query_terms(query) == [QueryTerm("田中", prefix=False)]


@pytest.mark.parametrize(("query", "term"), [("san", "san"), ("氏", "氏"), ("Ms", "ms")])
def test_an_honorific_alone_is_a_name(query: str, term: str) -> None:
    assert query_terms(query) == [QueryTerm(term, prefix=True)]


def test_the_shape_of_a_query() -> None:
    assert query_terms("髙橋 愛") == [QueryTerm("高橋", prefix=False), QueryTerm("愛", prefix=True)]
    assert query_terms("さとう") == [QueryTerm("sato", prefix=True)]
    assert query_terms("") == query_terms(" *_* ") == query_terms("ー") == []
    assert len(query_terms("田中山川" * 10_000)) <= 120


@given(queries)
def test_a_term_is_letters_and_digits_only(text: str) -> None:
    assert all(term.isalnum() for term in terms(text))
    assert all(wanted.term.isalnum() for wanted in query_terms(text))


@given(queries)
def test_no_query_is_an_error_or_syntax_to_the_index(text: str) -> None:
    with sqlite3.connect(":memory:") as tx:
        tx.execute(INDEX)
        tx.execute("INSERT INTO f VALUES (?)", (" ".join(("_alumni", *terms("山田 tanaka"))),))
        quoted = " AND ".join(f'"{w.term}"' + "*" * w.prefix for w in query_terms(text))
        hits = tx.execute("SELECT count(*) FROM f WHERE f MATCH ?", (quoted or '"nothing"',)).fetchone()[0]
    tx.close()
    assert bool(hits) == found(terms("山田 tanaka"), text)


def test_terms_of_one_field_can_be_told_apart() -> None:
    assert terms("Sato", field_prefix="n") == {"nsato", "nto"}
    for prefix in ("_n", '"', " "):
        with pytest.raises(ValueError, match="letters and digits"):
            terms("Sato", field_prefix=prefix)
