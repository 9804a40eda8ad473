"""Invented people, any number of them, the same at every run; and questions that find some of them.

They are written in bulk: one insert per table and thousand people, and the index is made once at the end.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import insert, text

from bot.conversation import Address, Platform, Side, Standing
from bot.visibility import CHOOSABLE, Audience
from storage import search
from storage.accounts import Account
from storage.columns import new_id
from storage.engine import Tx, now, vault_of
from storage.people import Person, PersonKey
from storage.search import SearchDoc

TEAM = "T0ALUMNI"
CHUNK = 1000
ASKERS = 200
"""How many of them have an account and ask questions; they are the first ones, and show everything."""

_SURNAMES = """
佐藤=サトウ 鈴木=スズキ 高橋=タカハシ 髙橋=タカハシ 田中=タナカ 伊藤=イトウ 渡辺=ワタナベ 渡邊=ワタナベ 山本=ヤマモト 中村=ナカムラ
小林=コバヤシ 加藤=カトウ 吉田=ヨシダ 山田=ヤマダ 佐々木=ササキ 山口=ヤマグチ 松本=マツモト 井上=イノウエ 木村=キムラ 林=ハヤシ
斎藤=サイトウ 齋藤=サイトウ 清水=シミズ 山崎=ヤマザキ 山﨑=ヤマザキ 森=モリ 池田=イケダ 橋本=ハシモト 阿部=アベ 石川=イシカワ
大野=オオノ 小野=オノ 藤井=フジイ 西村=ニシムラ 三浦=ミウラ 竹内=タケウチ 中野=ナカノ 原田=ハラダ 和田=ワダ 石田=イシダ
長谷川=ハセガワ 東海林=ショウジ 五十嵐=イガラシ 新井=アライ 白石=シライシ 桜井=サクライ 千葉=チバ 沢田=サワダ 澤田=サワダ 星=ホシ
浜田=ハマダ 濱田=ハマダ 水野=ミズノ 古川=フルカワ 内藤=ナイトウ 荒井=アライ 一条=イチジョウ 勅使河原=テシガワラ 鵜飼=ウカイ 久我=クガ
"""
_GIVEN = """
愛子=アイコ 太郎=タロウ 美咲=ミサキ 健一=ケンイチ 翔太=ショウタ 陽菜=ヒナ 大輔=ダイスケ 由美=ユミ 純一=ジュンイチ 真由美=マユミ
裕子=ユウコ 誠=マコト 彩=アヤ 拓也=タクヤ 直子=ナオコ 亮=リョウ 恵=メグミ 浩二=コウジ 香織=カオリ 剛=ツヨシ
智子=トモコ 駿=シュン 千尋=チヒロ 悠人=ユウト 結衣=ユイ 大翔=ヒロト 葵=アオイ 蓮=レン 桜=サクラ 新一郎=シンイチロウ
京子=キョウコ 洋平=ヨウヘイ 麻衣=マイ 隆=タカシ 幸子=サチコ 修=オサム 久美子=クミコ 慎吾=シンゴ 沙織=サオリ 優=ユウ
"""
_FOREIGN = """
Maria_Silva Anna_Kowalska Minh_Nguyen Priya_Raman Jean-Luc_Moreau Sofía_García Lars_Jørgensen Chen_Wei
Olga_Petrova Kofi_Mensah Emma_Smith Liam_O'Brien Yuna_Kim Mateus_Souza Fatima_Haddad Noah_Müller
"""
DEPARTMENTS = ("営業部", "第二営業部", "開発部", "人事部", "経理部", "法務部", "品質保証部", "生産技術部", "海外事業部",
               "広報部", "情報システム部", "研究開発センター", "物流企画課", "カスタマーサポート")  # fmt: skip
_REGIONS = ("", "東日本", "西日本", "第一", "第二", "グローバル")
_EMPLOYERS = ("青空ロジ株式会社", "合同会社ひばり", "株式会社みなと商事", "北浜テック", "Kawabe Systems", "株式会社つむぎ",
              "Northwind Labs", "汐風フーズ株式会社", "フリーランス", "株式会社こだま出版", "白樺医療機器", "")  # fmt: skip
_POSITIONS = ("課長", "部長", "エンジニア", "デザイナー", "代表取締役", "コンサルタント", "Product Manager",
              "経理担当", "研究員", "")  # fmt: skip
_PLACES = ("東京", "大阪", "名古屋", "福岡", "札幌", "仙台", "京都", "横浜", "Singapore", "Berlin", "")
QUESTIONS = (
    "佐藤", "鈴木 愛子", "高橋", "渡辺", "東海林", "林", "五十嵐 健一", "齋藤", "山崎 美咲", "勅使河原", "森 桜",
    "さとう", "たかはし ゆうこ", "イガラシ", "ワタナベ まこと", "しょうじ", "おおの", "ジュンイチ", "てしがわら",
    "sato", "takahashi aiko", "Itoh", "Satō Ryo", "shoji", "junichi", "yamazaki", "garcia", "smith", "kowal",
    "営業部", "人事部", "品質保証部", "情報システム 佐藤", "開発部 鈴木", "経理 sato", "青空ロジ", "北浜テック エンジニア",
    "大阪 営業", "Berlin", "東京 デザイナー", "Product Manager", "田中さん", "久我",
)  # fmt: skip
"""Each finds somebody among 500 people or more."""


_FIRST = """
山=ヤマ 川=カワ 田=タ 中=ナカ 大=オオ 小=コ 上=ウエ 下=シモ 西=ニシ 東=ヒガシ 北=キタ 南=ミナミ 青=アオ 赤=アカ 黒=クロ 白=シラ 金=カネ
松=マツ 竹=タケ 梅=ウメ 杉=スギ 藤=フジ 森=モリ 石=イシ 岩=イワ 浅=アサ 高=タカ 長=ナガ 古=フル 新=アラ 村=ムラ 島=シマ 浜=ハマ 平=ヒラ
"""
_SECOND = """
田=ダ 山=ヤマ 川=カワ 本=モト 野=ノ 原=ハラ 村=ムラ 井=イ 沢=ザワ 崎=ザキ 島=シマ 岡=オカ 木=キ 橋=ハシ 谷=タニ 口=グチ 内=ウチ 坂=サカ
塚=ヅカ 倉=クラ 尾=オ 浦=ウラ 瀬=セ 林=バヤシ 藤=フジ 見=ミ 江=エ 辺=ベ
"""
_SURE = (
    "鈴木 愛子", "五十嵐 健一", "山崎 美咲", "森 桜", "高橋 裕子", "渡辺 誠", "高橋 愛子", "佐藤 亮", "田中 純一",
    "佐藤 情報システム部", "鈴木 開発部", "佐藤 経理部", "林 北浜テック エンジニア", "星 大阪 営業部", "久我 東京 デザイナー",
)  # fmt: skip
"""Somebody of each of these is there, whatever the number, so that every question finds somebody."""


def _pairs(words: str) -> dict[str, str]:
    return {left: right for left, _, right in (word.partition("=") for word in words.split())}


def invented(count: int, at: datetime) -> Iterator[dict[str, Any]]:
    """Columns of `count` people (500 or more), members since before `at`; about one in twelve is not listed.

    The commonest surname is that of one in fifty, as in Japan; most share theirs with one in a thousand.
    """
    dice = random.Random(20260331)
    surnames, given, foreign = list(_pairs(_SURNAMES)), list(_pairs(_GIVEN)), _FOREIGN.split()
    weights = [1 / (rank + 6) for rank in range(len(surnames))]
    rare = [(a + b, x + y) for a, x in _pairs(_FIRST).items() for b, y in _pairs(_SECOND).items()]
    known = _pairs(_SURNAMES)
    for number in range(count):
        often = dice.choices(surnames, weights)[0]
        family = (often, known[often]) if dice.random() < 0.3 else dice.choice(rare)
        name, kana = _named(family, dice.choice(given))
        if number % 20 == 19:
            name, kana = foreign[number // 20 % len(foreign)].replace("_", " "), ""
        sure = number < ASKERS
        yield _columns(dice, at - timedelta(days=number % 900 + 1), sure) | {"name": name, "kana": kana} | _fixed(number)


def _named(family: tuple[str, str], first: str) -> tuple[str, str]:
    return f"{family[0]} {first}", f"{family[1]} {_pairs(_GIVEN)[first]}"


def _columns(dice: random.Random, since: datetime, sure: bool) -> dict[str, Any]:
    return {
        "id": new_id("p"), "romaji": "", "former_name": "", "locale": "ja", "zone": "Asia/Tokyo", "about": "",
        "employer": dice.choice(_EMPLOYERS), "position": dice.choice(_POSITIONS), "place": dice.choice(_PLACES),
        "department": dice.choice(_REGIONS) + dice.choice(DEPARTMENTS), "listed": sure or dice.random() < 0.92,
        "shown": [f for f in CHOOSABLE if sure or dice.random() < 0.9], "mail_only": False,
        "confirmed_on": date(2026, 1, 5), "member_from": since, "unreachable": "", "version": 1,
    }  # fmt: skip


def _fixed(number: int) -> dict[str, str]:
    """What is laid down for the first ones: everybody of `_SURE`, then every common surname once."""
    surnames = _pairs(_SURNAMES)
    if number < len(_SURE):
        family, *rest = _SURE[number].split()
    elif number < len(_SURE) + len(surnames):
        family, rest = list(surnames)[number - len(_SURE)], []
    else:
        return {}
    first = rest[0] if rest and rest[0] in _pairs(_GIVEN) else "優"
    name, kana = _named((family, surnames[family]), first)
    places = ((DEPARTMENTS, "department"), (_EMPLOYERS, "employer"), (_POSITIONS, "position"), (_PLACES, "place"))
    return {"name": name, "kana": kana} | {field: word for word in rest for words, field in places if word in words}


def asker(number: int) -> str:
    """The user id of one who asks."""
    return f"U{number % ASKERS:05d}"


def fill(tx: Tx, count: int) -> None:
    """Write the people, their keys, the accounts of those who ask, and the index."""
    folk = list(invented(count, now(tx)))
    vault = vault_of(tx)
    for at in range(0, count, CHUNK):
        chunk = folk[at : at + CHUNK]
        tx.execute(insert(Person), chunk)
        keys = [(p["id"], vault.wrap(secrets.token_bytes(32), f"person_keys:{p['id']}")) for p in chunk]
        tx.execute(insert(PersonKey), [{"person_id": who, "wrapped": key} for who, key in keys])
        docs = [doc for person in chunk for doc in _documents(person)]
        tx.execute(insert(SearchDoc), docs)
    tx.execute(text("INSERT INTO search_fts(search_fts) VALUES ('rebuild')"))
    tx.execute(insert(Account), [_account(tx, number, p["id"]) for number, p in enumerate(folk[:ASKERS])])


def _account(tx: Tx, number: int, person: str) -> dict[str, Any]:
    return {
        "address": str(Address(Platform.SLACK, TEAM, asker(number))), "side": Side.ALUMNI, "person_id": person,
        "standing": Standing.MEMBER, "locale": "ja" if number % 4 else "en", "zone": "Asia/Tokyo", "tied_by": "code",
        "tied_at": now(tx), "looked_at": now(tx), "gone": False, "wrong_codes": 0,
    }  # fmt: skip


def _documents(person: dict[str, Any]) -> Iterator[dict[str, Any]]:
    row = Person(**{name: value for name, value in person.items() if name != "id"})
    for audience in (Audience.ALUMNI, Audience.HR):
        terms = search._terms(row, audience)
        if terms:
            yield {"person_id": person["id"], "audience": audience, "terms": terms}
