"""Who runs the network: shown on every card, mail and page, so that a reader knows whom they talk to."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(slots=True)
class Brand:
    """Names and addresses of the network; `contact_name` is a person or a desk that answers.

    `logo_url` must be public https (the platforms fetch it themselves); empty addresses are left out. Not
    frozen, for the sake of `adopt` alone (`bot.policy`).
    """

    network: str
    company: str
    contact_name: str
    contact_email: str
    logo_url: str = ""
    terms_url: str = ""

    def adopt(self, other: Brand) -> None:
        """Become equal to another brand, in place."""
        for one in fields(self):
            setattr(self, one.name, getattr(other, one.name))
