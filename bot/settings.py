"""Settings: read once from `OKAERI_*` and `.env`, frozen, and every mistake reported at once.

Names of other libraries (`SLACK_BOT_TOKEN` …) are never read, because they would switch modes behind our
back.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date, time
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.brand import Brand
from bot.cadence import Calendar
from bot.conversation import Role, Side
from bot.errors import ConfigError
from bot.policy import Policy
from storage.columns import Vault

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_HTTP, _HTTPS = ("https", "http"), ("https",)
_WEB_ADDRESSES = {
    "base_url": _HTTP, "alumni_invite_url": _HTTP, "slack_api_url": _HTTP,
    "logo_url": _HTTPS, "terms_url": _HTTPS,
}  # fmt: skip
_SLACK = re.compile(r"slack:T[A-Z0-9]+:[UW][A-Z0-9]+")


class Settings(BaseSettings):
    """Everything an operator sets. The field `base_url` is the variable `OKAERI_BASE_URL`, and so on."""

    model_config = SettingsConfigDict(env_prefix="OKAERI_", env_file=".env", extra="ignore", frozen=True)

    company_name: str = ""
    network_name: str = ""
    contact_name: str = ""
    contact_email: str = ""
    logo_url: str = ""
    terms_url: str = ""
    locale: Literal["ja", "en"] = "ja"
    timezone: str = "Asia/Tokyo"
    calendar_country: str = "JP"
    closures: str = ""

    database_url: str = "sqlite:///var/okaeri.db"
    secret_key: SecretStr = SecretStr("")
    erasure_log: str = ""
    base_url: str = ""
    host: str = "127.0.0.1"
    port: int = 3978
    metrics_bind: str = "127.0.0.1:9464"
    trusted_proxies: str = ""

    owners: str = ""
    hr: str = ""

    slack_company_signing_secret: SecretStr = SecretStr("")
    slack_company_app_id: str = ""
    slack_company_team_id: str = ""
    slack_company_bot_token: SecretStr = SecretStr("")
    slack_alumni_signing_secret: SecretStr = SecretStr("")
    slack_alumni_app_id: str = ""
    slack_alumni_team_id: str = ""
    slack_alumni_bot_token: SecretStr = SecretStr("")
    slack_api_url: str = "https://slack.com/api/"
    alumni_invite_url: str = ""

    smtp_url: SecretStr = SecretStr("")
    mail_from: str = ""
    dkim_selector: str = ""

    leaver_drop: str = ""
    leaver_mapping: str = ""
    leaver_keep_days: int = 0
    leaver_max_bytes: int = 20_000_000
    catalogue: str = ""

    enrol_on: Literal["last_day", "last_working_day", "day_after"] = "last_day"
    enrol_at: time = time(18, 0)
    unanswered_days: int = 90
    log_level: Literal["INFO", "WARNING", "ERROR"] = "INFO"

    def slack(self, side: Side) -> Mapping[str, str]:
        """The four values of one Slack app, secrets in the clear; all empty when the side is not
        configured."""
        names = ("signing_secret", "app_id", "team_id", "bot_token")
        values = {name: getattr(self, f"slack_{side.value}_{name}") for name in names}
        return {n: v.get_secret_value() if isinstance(v, SecretStr) else v for n, v in values.items()}

    def sides(self) -> tuple[Side, ...]:
        """The sides whose Slack app is configured."""
        return tuple(side for side in Side if all(self.slack(side).values()))

    def brand(self) -> Brand:
        """Who runs the network."""
        network = self.network_name or f"{self.company_name} Alumni"
        return Brand(
            network, self.company_name, self.contact_name, self.contact_email, self.logo_url, self.terms_url
        )

    def policy(self) -> Policy:
        """The company's rules."""
        days = frozenset(date.fromisoformat(d) for d in _words(self.closures))
        return Policy(
            brand=self.brand(),
            zone=self.timezone,
            locale=self.locale,
            base_url=self.base_url.rstrip("/"),
            calendar=Calendar(self.calendar_country, days),
            enrol_on=self.enrol_on,
            enrol_at=self.enrol_at,
            unanswered_days=self.unanswered_days,
            invitation_url=self.alumni_invite_url,
        )

    def vault(self) -> Vault:
        """The key ring. Raises `ValueError` when it cannot be read."""
        return Vault.parse(self.secret_key.get_secret_value())

    def staff(self) -> tuple[tuple[Role, str], ...]:
        """Who runs the network: (role, e-mail or address)."""
        return tuple(
            (role, who)
            for role, names in ((Role.OWNER, self.owners), (Role.HR, self.hr))
            for who in _words(names)
        )

    def proxies(self) -> frozenset[str]:
        """Addresses whose `X-Forwarded-For` is believed."""
        return frozenset(_words(self.trusted_proxies))


def _words(text: str) -> Iterable[str]:
    return filter(None, (word.strip() for word in text.replace(";", ",").split(",")))


def load(**overrides: Any) -> Settings:
    """Read the settings. Raises `ConfigError` with every value of a wrong type at once."""
    try:
        return Settings(**overrides)
    except ValidationError as wrong:
        mistakes = [
            f"OKAERI_{str(e['loc'][0]).upper()}: {e['msg']}" for e in wrong.errors(include_input=False)
        ]
        raise ConfigError(mistakes) from None


def check(settings: Settings) -> None:
    """Raises `ConfigError` with everything that hinders `serve`, each with what would be right."""
    mistakes = [
        *_required(settings),
        *_key(settings),
        *_slack(settings),
        *_addresses(settings),
        *_calendar(settings),
        *_place(settings),
    ]
    if mistakes:
        raise ConfigError(mistakes)


def _required(settings: Settings) -> Iterable[str]:
    wanted = {
        "company_name": "the company's name as people know it, such as Minato K.K.",
        "contact_name": "the person or desk that answers, such as HR, Sato",
        "contact_email": "where answers to our mails go, such as alumni@example.co.jp",
        "mail_from": "the sender of our mails, such as okaeri@example.co.jp",
        "smtp_url": "smtp+starttls://user:password@mail.example.co.jp:587",
        "base_url": "where Slack reaches this house, such as https://okaeri.example.co.jp",
        "owners": "one or more e-mail addresses or slack:T0123:U0123",
    }
    for name, right in wanted.items():
        value = getattr(settings, name)
        if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
            yield f"OKAERI_{name.upper()}: missing; right: {right}"


def _key(settings: Settings) -> Iterable[str]:
    try:
        settings.vault()
    except ValueError:
        yield (
            "OKAERI_SECRET_KEY: missing or not a key ring; right: id:base64 of 32 bytes, newest first "
            "(`okaeri make-key` prints one)"
        )


def _slack(settings: Settings) -> Iterable[str]:
    for side in Side:
        values = settings.slack(side)
        missing = [name for name, value in values.items() if not value]
        if missing and len(missing) < len(values):
            for name in missing:
                variable = f"OKAERI_SLACK_{side.value.upper()}_{name.upper()}"
                yield f"{variable}: missing; right: all four of a side, or none"
    if Side.ALUMNI in settings.sides() and not settings.alumni_invite_url:
        yield "OKAERI_ALUMNI_INVITE_URL: missing; right: the invitation link of the alumni workspace"
    company, alumni = settings.slack(Side.COMPANY), settings.slack(Side.ALUMNI)
    for name in ("app_id", "team_id", "signing_secret"):
        if company[name] and company[name] == alumni[name]:
            yield f"OKAERI_SLACK_ALUMNI_{name.upper()}: the company's; right: two apps in two workspaces"


def _addresses(settings: Settings) -> Iterable[str]:
    for name in ("contact_email", "mail_from"):
        value = getattr(settings, name)
        if value and not _EMAIL.search(value):
            yield f"OKAERI_{name.upper()}: {value!r}; right: an e-mail address"
    for name in ("owners", "hr"):
        for who in _words(getattr(settings, name)):
            if not _EMAIL.fullmatch(who) and not _SLACK.fullmatch(who):
                yield f"OKAERI_{name.upper()}: {who!r}; right: an e-mail address or slack:T0123:U0123"
    for name, schemes in _WEB_ADDRESSES.items():
        value = getattr(settings, name)
        if value and not _is_address(value, schemes):
            yield f"OKAERI_{name.upper()}: {value!r}; right: an address that begins with {' or '.join(schemes)}://"
    smtp = settings.smtp_url.get_secret_value()
    if smtp and not _is_address(smtp, ("smtp", "smtps", "smtp+starttls")):
        yield "OKAERI_SMTP_URL: not an SMTP address; right: smtp+starttls://user:password@host:587"


def _is_address(text: str, schemes: Collection[str]) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _calendar(settings: Settings) -> Iterable[str]:
    try:
        ZoneInfo(settings.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield f"OKAERI_TIMEZONE: {settings.timezone!r}; right: a name such as Asia/Tokyo"
    country = settings.calendar_country
    try:
        Calendar(country).is_business_day(date(2026, 4, 1))
    except ValueError:
        yield f"OKAERI_CALENDAR_COUNTRY: {country!r}; right: a country such as JP, or empty for none"
    for word in _words(settings.closures):
        try:
            date.fromisoformat(word)
        except ValueError:
            yield f"OKAERI_CLOSURES: {word!r}; right: days such as 2026-08-13, separated by commas"


def _place(settings: Settings) -> Iterable[str]:
    if not 0 < settings.port < 65536:
        yield f"OKAERI_PORT: {settings.port}; right: 1 to 65535"
    for name, least in (("unanswered_days", 1), ("leaver_keep_days", 0), ("leaver_max_bytes", 1)):
        if getattr(settings, name) < least:
            yield f"OKAERI_{name.upper()}: {getattr(settings, name)}; right: {least} or more"
    for name in ("leaver_drop", "leaver_mapping", "catalogue"):
        value = getattr(settings, name)
        if value and not Path(value).exists():
            yield f"OKAERI_{name.upper()}: {value!r} does not exist; right: an existing path"
    if settings.erasure_log and not Path(settings.erasure_log).parent.is_dir():
        yield f"OKAERI_ERASURE_LOG: {settings.erasure_log!r}; right: a file in a folder that exists"
    host, _, port = settings.metrics_bind.rpartition(":")
    if settings.metrics_bind and (not host or not port.isdigit()):
        yield f"OKAERI_METRICS_BIND: {settings.metrics_bind!r}; right: 127.0.0.1:9464, or empty for none"
