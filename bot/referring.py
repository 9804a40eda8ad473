"""Whom a referral has told what: the candidate, the company's readers, the referrer.

What more than one door does lies here; the cards with buttons of their own are made by the commands.

Source: 個人情報保護法 17, 20, 27条; GDPR art. 6, 14 (whoever is named learns by whom, what for, how long).
"""

from __future__ import annotations

from bot import erasing, offering
from bot.conversation import Button, Buttons, Card, Note, Paragraph, Words, t
from bot.policy import Policy
from bot.post import Letter, to_alumnus, to_one_of_staff, to_unproven
from storage import accounts, people, referrals
from storage.consents import Purpose
from storage.engine import Tx
from storage.erasures import Why
from storage.openings import Opening
from storage.referrals import Referral


def referrer(tx: Tx, row: Referral) -> Words:
    """Who named the candidate; once they are erased, somebody."""
    person = people.get(tx, row.referrer_id) if row.referrer_id else None
    return person.name if person is not None and person.name else t("refer.somebody")


def tell_candidate(tx: Tx, row: Referral, letter: Letter) -> None:
    """By mail to the address that the referrer gave; the candidate acts by the links in it, and in no other
    way: the address opens no door of the network. Nothing happens once they are erased."""
    if row.person_id is None:
        return
    email = people.private_email(tx, people.one(tx, row.person_id)) or ""
    known = Letter(letter.kind, letter.card, f"{row.id}:{letter.dedup}", letter.purpose, to=email)
    to_unproven(tx, row.person_id, known)


def tell_readers(tx: Tx, opening: Opening, letter: Letter) -> int:
    """To those who answer for the opening, and to nobody else; how many there are."""
    keys = [reader.key for reader in offering.readers(tx, opening)]
    members = [member for key in keys if (member := accounts.staff_by_key(tx, key)) is not None]
    for member in members:
        to_one_of_staff(tx, member, letter)
    return len(members)


def tell_referrer(tx: Tx, row: Referral, kind: str, card: Card) -> None:
    """To the referrer, if they are still here, want to hear from the network and do not rest."""
    if row.referrer_id is not None:
        to_alumnus(tx, row.referrer_id, Letter(kind, card, str(row.id), Purpose.STAY_IN_TOUCH))


def thank(tx: Tx, row: Referral, opening: Opening, policy: Policy) -> None:
    """The referrer learns that it came to an end, never how; once."""
    if row.thanked_at is None:
        brand = policy.brand
        text = t("refer.over_text", opening=offering.title(opening), company=brand.company)
        card = Card(t("refer.over_title"), (Paragraph(text),), t("refer.notice", network=brand.network))
        tell_referrer(tx, row, "refer.over", card)
        referrals.thanked(tx, row)


def leave(tx: Tx, row: Referral, opening: Opening, policy: Policy) -> None:
    """A candidate who agreed takes it back: erased, the readers asked to forget, the referrer thanked."""
    erasing.candidate(tx, row, Why.OWN)
    body = (Paragraph(t("introduced.left_text", opening=offering.title(opening))),)
    card = Card(t("introduced.left"), body, t("introduced.notice"))
    tell_readers(tx, opening, Letter("introduced.left", card, str(row.id), Purpose.STAFF))
    thank(tx, row, opening, policy)


def mail(title: Words, text: Words, policy: Policy, *buttons: Button) -> Card:
    """A mail to a candidate who agreed: kind words, the way to take it back under them."""
    ways = (Buttons(buttons), Note(t("candidate.leave_note"))) if buttons else ()
    contact = Note(t("candidate.contact", contact=policy.brand.contact_name))
    return Card(title, (Paragraph(text), *ways, contact), t("candidate.notice", company=policy.brand.company))
