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
from bot.conversation import Address, Platform, Role, Side
from bot.errors import ConfigError
from bot.policy import Policy
from storage.columns import Vault

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_HTTP, _HTTPS = ("https", "http"), ("https",)
_WEB_ADDRESSES = {
    "base_url": _HTTP, "alumni_invite_url": _HTTP, "slack_api_url": _HTTP,
    "logo_url": _HTTPS, "terms_url": _HTTPS,
    "teams_openid_metadata_url": _HTTP, "teams_login_url": _HTTP, "teams_graph_url": _HTTP,
}  # fmt: skip
_SLACK = re.compile(r"slack:T[A-Z0-9]+:[UW][A-Z0-9]+")
_CHANNEL = re.compile(r"C[A-Z0-9]{2,}")
_TEAMS_CHANNEL = re.compile(r"19:[\w.-]{1,64}@thread\.tacv2", re.ASCII)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_THIS_MACHINE = frozenset({"127.0.0.1", "::1", "localhost"})


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
    queue_url: str = ""
    secret_key: SecretStr = SecretStr("")
    erasure_log: str = ""
    base_url: str = ""
    host: str = "127.0.0.1"
    port: int = 3978
    metrics_bind: str = "127.0.0.1:9464"
    trusted_proxies: str = ""
    stop_grace: str = ""

    owners: str = ""
    hr: str = ""
    managers: str = ""

    slack_company_signing_secret: SecretStr = SecretStr("")
    slack_company_app_id: str = ""
    slack_company_team_id: str = ""
    slack_company_bot_token: SecretStr = SecretStr("")
    slack_alumni_signing_secret: SecretStr = SecretStr("")
    slack_alumni_app_id: str = ""
    slack_alumni_team_id: str = ""
    slack_alumni_bot_token: SecretStr = SecretStr("")
    slack_alumni_channel: str = ""
    slack_api_url: str = "https://slack.com/api/"
    alumni_invite_url: str = ""

    teams_company_app_id: str = ""
    teams_company_app_password: SecretStr = SecretStr("")
    teams_company_tenant_id: str = ""
    teams_alumni_app_id: str = ""
    teams_alumni_app_password: SecretStr = SecretStr("")
    teams_alumni_tenant_id: str = ""
    teams_alumni_team_id: str = ""
    teams_alumni_channel: str = ""
    teams_openid_metadata_url: str = "https://login.botframework.com/v1/.well-known/openidconfiguration"
    teams_login_url: str = "https://login.microsoftonline.com"
    teams_graph_url: str = "https://graph.microsoft.com/v1.0"
    teams_service_urls: str = "https://smba.trafficmanager.net,https://*.botframework.com,https://smba.infra.gcc.teams.microsoft.com"
    teams_insecure_dev: bool = False

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
        return self._values(f"slack_{side.value}", ("signing_secret", "app_id", "team_id", "bot_token"))

    def sides(self) -> tuple[Side, ...]:
        """The sides whose Slack app is configured."""
        return tuple(side for side in Side if all(self.slack(side).values()))

    def teams(self, side: Side) -> Mapping[str, str]:
        """The three values of one Teams bot, as for Slack."""
        return self._values(f"teams_{side.value}", ("app_id", "app_password", "tenant_id"))

    def teams_sides(self) -> tuple[Side, ...]:
        """The sides whose Teams bot is configured."""
        return tuple(side for side in Side if all(self.teams(side).values()))

    def teams_services(self) -> tuple[str, ...]:
        """Where Teams may be spoken to: scheme and host, `*.` for every host below."""
        return tuple(_words(self.teams_service_urls))

    def teams_open(self) -> bool:
        """Whether the Teams door asks nobody for a token: in development, and only where this machine alone
        comes in."""
        return self.teams_insecure_dev and self.host in _THIS_MACHINE

    def _values(self, prefix: str, names: Iterable[str]) -> Mapping[str, str]:
        values = {name: getattr(self, f"{prefix}_{name}") for name in names}
        return {n: v.get_secret_value() if isinstance(v, SecretStr) else v for n, v in values.items()}

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
            channels=self.channels(),
        )

    def channels(self) -> tuple[str, ...]:
        """Addresses of the alumni's channels; none when no channel, or no workspace to it, is set."""
        named = (
            (Platform.SLACK, self.slack_alumni_team_id, self.slack_alumni_channel),
            (Platform.TEAMS, self.teams_alumni_tenant_id.lower(), self.teams_alumni_channel),
        )
        return tuple(str(Address(*one)) for one in named if all(one))

    def vault(self) -> Vault:
        """The key ring. Raises `ValueError` when it cannot be read."""
        return Vault.parse(self.secret_key.get_secret_value())

    def staff(self) -> tuple[tuple[Role, str], ...]:
        """Who runs the network: (role, e-mail or address)."""
        return tuple(
            (role, who)
            for role, names in (
                (Role.OWNER, self.owners),
                (Role.HR, self.hr),
                (Role.MANAGER, self.managers),
            )
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
        *_teams(settings),
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


def key_ring(settings: Settings) -> Vault:
    """The key ring. Raises `ConfigError` when there is none, or it cannot be read."""
    if mistakes := [*_key(settings)]:
        raise ConfigError(mistakes)
    return settings.vault()


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
    yield from _channel(settings)
    company, alumni = settings.slack(Side.COMPANY), settings.slack(Side.ALUMNI)
    for name in ("app_id", "team_id", "signing_secret"):
        if company[name] and company[name] == alumni[name]:
            yield f"OKAERI_SLACK_ALUMNI_{name.upper()}: the company's; right: two apps in two workspaces"


def _channel(settings: Settings) -> Iterable[str]:
    channel = settings.slack_alumni_channel
    right = "a public channel's id such as C0123ABCDEF (at the end of its details), or empty"
    if channel and not _CHANNEL.fullmatch(channel):
        yield f"OKAERI_SLACK_ALUMNI_CHANNEL: {channel!r}; right: {right}"
    if channel and Side.ALUMNI not in settings.sides():
        yield "OKAERI_SLACK_ALUMNI_CHANNEL: no alumni workspace is set; right: its four values, or empty"


def _teams(settings: Settings) -> Iterable[str]:
    for side in Side:
        values = settings.teams(side)
        for name in (name for name, value in values.items() if not value and any(values.values())):
            variable = f"OKAERI_TEAMS_{side.value.upper()}_{name.upper()}"
            yield f"{variable}: missing; right: all three of a side, or none"
        for name in ("app_id", "tenant_id"):
            if values[name] and not _GUID.fullmatch(values[name]):
                variable = f"OKAERI_TEAMS_{side.value.upper()}_{name.upper()}"
                yield f"{variable}: {values[name]!r}; right: a GUID, as the app registration shows it"
    company, alumni = settings.teams(Side.COMPANY), settings.teams(Side.ALUMNI)
    for name in ("app_id", "tenant_id"):
        if company[name] and company[name].lower() == alumni[name].lower():
            yield f"OKAERI_TEAMS_ALUMNI_{name.upper()}: the company's; right: two bots in two tenants"
    yield from _alumni_team(settings)
    if settings.teams_insecure_dev and not settings.teams_open():
        yield "OKAERI_TEAMS_INSECURE_DEV: not on a loopback bind; right: OKAERI_HOST=127.0.0.1, or unset it"
    for url in settings.teams_services():
        if not _is_address(url, _HTTPS) and not _is_near(url):
            yield f"OKAERI_TEAMS_SERVICE_URLS: {url!r}; right: https://host, or https://*.host for all below"


def _alumni_team(settings: Settings) -> Iterable[str]:
    """Where alumni are brought, and read openings."""
    team, channel = settings.teams_alumni_team_id, settings.teams_alumni_channel
    if team and not _GUID.fullmatch(team):
        yield f"OKAERI_TEAMS_ALUMNI_TEAM_ID: {team!r}; right: the team's GUID (groupId in its link), or empty"
    if channel and not _TEAMS_CHANNEL.fullmatch(channel):
        right = "a channel's id such as 19:…@thread.tacv2 (in its link), or empty"
        yield f"OKAERI_TEAMS_ALUMNI_CHANNEL: {channel!r}; right: {right}"
    if Side.ALUMNI not in settings.teams_sides():
        for name, value in (("TEAM_ID", team), ("CHANNEL", channel)):
            if value:
                yield f"OKAERI_TEAMS_ALUMNI_{name}: no alumni bot is set; right: its three values, or empty"


def _is_near(url: str) -> bool:
    """Whether an address is one of this machine, where tests and the playground listen."""
    return _is_address(url, ("http",)) and urlsplit(url).hostname in _THIS_MACHINE


def _addresses(settings: Settings) -> Iterable[str]:
    for name in ("contact_email", "mail_from"):
        value = getattr(settings, name)
        if value and not _EMAIL.search(value):
            yield f"OKAERI_{name.upper()}: {value!r}; right: an e-mail address"
    for name in ("owners", "hr", "managers"):
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
    if not (settings.stop_grace or "0").isdecimal():
        yield f"OKAERI_STOP_GRACE: {settings.stop_grace!r}; right: whole seconds such as 5, or empty"
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
