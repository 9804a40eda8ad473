"""The keys with which the local Teams signs what it sends, and the tokens made with them, true and forged."""

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

from adapters.playground.teams_state import JSON, Registration

ISSUER: Final = "https://api.botframework.com"
LIFE: Final = 3_600  # seconds
_AGED: Final = 600  # seconds after which a token is not used again though it is still good
_FOREIGN: Final = "https://smba.evil.example/amer/"


class Forgery(StrEnum):
    """What is wrong with an activity: with its token, or with what the token says about it."""

    NONE = "none"  # no Authorization header
    BASIC = "basic"  # another scheme
    GARBAGE = "garbage"  # a Bearer that is no token
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    AUDIENCE = "audience"  # for another bot
    NO_AUDIENCE = "no_audience"
    ISSUER = "issuer"  # by somebody else
    NO_ISSUER = "no_issuer"
    KEY = "key"  # signed with another key under a known kid
    UNKNOWN_KEY = "unknown_key"  # a kid that is not published
    NO_KEY = "no_key"  # without a kid
    UNSIGNED = "unsigned"  # alg none
    SYMMETRIC = "symmetric"  # HS256 over the published key
    ENDORSEMENT = "endorsement"  # a published key that may not speak for Teams
    SERVICE_URL = "service_url"  # the claim is not the activity's address
    NO_SERVICE_URL = "no_service_url"  # the claim is missing
    FOREIGN_HOST = "foreign_host"  # claim and activity agree on an address that is not Microsoft's
    TENANT = "tenant"  # a true token around another tenant's activity


@dataclass(frozen=True, slots=True)
class Key:
    """One signing key; `endorsements` are the channels that it may speak for."""

    kid: str
    private: RSAPrivateKey
    endorsements: tuple[str, ...] = ("msteams",)

    @property
    def published(self) -> JSON:
        """The key as it stands in the key list."""
        fields = RSAAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        fields.pop("key_ops", None)
        return fields | {
            "use": "sig",
            "kid": self.kid,
            "x5t": self.kid,
            "endorsements": list(self.endorsements),
        }

    @property
    def pem(self) -> bytes:
        """The public half as text, which a careless checker would take for a shared secret."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def new_key(endorsements: tuple[str, ...] = ("msteams",)) -> Key:
    """A fresh RSA key of 2,048 bits."""
    private = generate_private_key(public_exponent=65_537, key_size=2_048)
    number = private.public_key().public_numbers().n
    return Key(hashlib.sha1(str(number).encode()).hexdigest(), private, endorsements)  # noqa: S324


class Keys:
    """The keys in use: the first one signs, all are published; `now` is wire time in seconds."""

    def __init__(self, now: Callable[[], float], key: Key | None = None) -> None:
        self._now = now
        self._keys = [key or new_key()]
        self._other: Key | None = None
        self._odd: Key | None = None
        self._tokens: dict[tuple[str, str], tuple[float, str]] = {}

    @property
    def current(self) -> Key:
        """The key that signs now."""
        return self._keys[0]

    def rotate(self, *, keep_old: bool = True) -> Key:
        """A new key signs from now on; the old one stays published or goes at once."""
        old = [self.current] if keep_old else []
        self._keys[:] = [new_key(), *old]
        self._tokens.clear()
        return self.current

    def published(self) -> list[JSON]:
        """The key list; once a forgery used one, with a key that may speak for another channel only."""
        odd = [self._odd] if self._odd else []
        return [key.published for key in (*self._keys, *odd)]

    def header(self, app: Registration, service_url: str) -> str:
        """The Authorization header of a true activity to this bot from this address."""
        name, now = (app.app_id, service_url), self._now()
        made, token = self._tokens.get(name, (0.0, ""))
        if not token or not 0 <= now - made < _AGED:
            token = self._signed(self.current, self._claims(app, service_url))
            self._tokens[name] = (now, token)
        return f"Bearer {token}"

    def forge(self, app: Registration, activity: Mapping[str, Any], how: Forgery) -> tuple[JSON, str | None]:
        """An activity and its Authorization header (None: no header) with exactly one thing wrong."""
        sent = dict(activity)
        if how is Forgery.TENANT:
            return _of_tenant(sent), self.header(app, str(sent["serviceUrl"]))
        if how is Forgery.FOREIGN_HOST:
            sent["serviceUrl"] = _FOREIGN
            return sent, self.header(app, _FOREIGN)
        plain = {Forgery.NONE: None, Forgery.BASIC: "Basic b2thZXJpOm9rYWVyaQ==",
                 Forgery.GARBAGE: "Bearer not.a.token"}  # fmt: skip
        if how in plain:
            return sent, plain[how]
        return sent, f"Bearer {self._wrong(self._claims(app, str(sent['serviceUrl'])), how)}"

    def _wrong(self, claims: JSON, how: Forgery) -> str:
        claims |= _wrong_claims(how, self._now())
        for name in _MISSING.get(how, ()):
            del claims[name]
        match how:
            case Forgery.KEY:
                return self._signed(self._unpublished, claims, kid=self.current.kid)
            case Forgery.UNKNOWN_KEY:
                return self._signed(self._unpublished, claims)
            case Forgery.NO_KEY:
                return jwt.encode(claims, self.current.private, "RS256")
            case Forgery.UNSIGNED:
                return jwt.encode(claims, "", "none", headers={"kid": self.current.kid})
            case Forgery.SYMMETRIC:
                return _hmac_over(self.current, claims)
            case Forgery.ENDORSEMENT:
                return self._signed(self._unendorsed, claims)
            case _:
                return self._signed(self.current, claims)

    def _claims(self, app: Registration, service_url: str) -> JSON:
        now = int(self._now())
        return {
            "serviceurl": service_url,
            "nbf": now,
            "exp": now + LIFE,
            "iss": ISSUER,
            "aud": app.app_id,
        }

    @staticmethod
    def _signed(key: Key, claims: JSON, kid: str = "") -> str:
        names = {"kid": kid or key.kid, "x5t": kid or key.kid}
        return jwt.encode(claims, key.private, "RS256", headers=names)

    @property
    def _unpublished(self) -> Key:
        self._other = self._other or new_key()
        return self._other

    @property
    def _unendorsed(self) -> Key:
        self._odd = self._odd or new_key(("webchat",))
        return self._odd


_MISSING: Final = {
    Forgery.NO_AUDIENCE: ("aud",),
    Forgery.NO_ISSUER: ("iss",),
    Forgery.NO_SERVICE_URL: ("serviceurl",),
}


def _wrong_claims(how: Forgery, now: float) -> JSON:
    wrong: dict[Forgery, JSON] = {
        Forgery.EXPIRED: {"nbf": int(now) - 3 * LIFE, "exp": int(now) - LIFE},
        Forgery.NOT_YET: {"nbf": int(now) + LIFE, "exp": int(now) + 2 * LIFE},
        Forgery.AUDIENCE: {"aud": "00000000-0000-4000-8000-00000000beef"},
        Forgery.ISSUER: {"iss": "https://sts.evil.example/"},
        Forgery.SERVICE_URL: {"serviceurl": _FOREIGN},
    }
    return wrong.get(how, {})


def _of_tenant(activity: JSON) -> JSON:
    """The same activity as if it came from another tenant."""
    other = {"id": "00000000-0000-4000-8000-0000deadbeef"}
    return activity | {
        "channelData": activity["channelData"] | {"tenant": other},
        "conversation": activity["conversation"] | {"tenantId": other["id"]},
    }


def _hmac_over(key: Key, claims: JSON) -> str:
    """A token signed by HMAC with the public key as its secret; PyJWT itself refuses to make one."""
    made = jwt.encode(claims, secrets.token_bytes(64), "HS256", headers={"kid": key.kid})
    signed = ".".join(made.split(".")[:2]).encode()
    algorithm = jwt.get_algorithm_by_name("HS256")
    mark = jwt.utils.base64url_encode(algorithm.sign(signed, key.pem))
    return f"{signed.decode()}.{mark.decode()}"
