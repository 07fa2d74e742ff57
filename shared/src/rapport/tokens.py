"""Signed tokens: EdDSA JWTs minted from a key directory and verified locally by every service."""

import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jwt import PyJWK, PyJWKClient
from jwt.algorithms import OKPAlgorithm

from rapport.errors import Unauthorized

ISSUER = "rapport"
AUDIENCE = "rapport"
SCOPES = frozenset(
    {
        "collect",
        "profiles:read",
        "profiles:write",
        "profiles:pii",
        "segments:read",
        "segments:write",
        "campaigns:read",
        "campaigns:write",
        "campaigns:launch",
        "interactions:read",
        "interactions:write",
        "privacy",
        "admin",
    }
)
_ASYMMETRIC = ["EdDSA", "RS256", "ES256"]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: `subject` and `scopes` of a verified token; `expires_at` in seconds since the epoch.

    `token_id` (its `jti`) and `key_id` (of the key that signed it) tell one token of a subject from another.
    """

    subject: str
    scopes: frozenset[str]
    expires_at: float
    token_id: str | None = None
    key_id: str | None = None

    def may(self, scope: str) -> bool:
        """Whether the token carries `scope`; `admin` carries all."""
        return scope in self.scopes or "admin" in self.scopes


class KeyStore:
    """Signing keys in a directory: one PEM a key, named by its key id, and the public halves in `jwks.json`.

    The newest key signs; older ones stay in the key set so that their tokens hold until they expire.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.jwks_path = directory / "jwks.json"

    def ensure(self) -> None:
        """Make the first key where there is none."""
        if not self._key_ids() or not self.jwks_path.exists():
            self.rotate()

    def rotate(self) -> str:
        """Make a new signing key and return its key id."""
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        key_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{uuid4().hex[:6]}"
        pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with os.fdopen(os.open(self.directory / f"{key_id}.pem", os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            file.write(pem)
        keys = [self._public(each) for each in self._key_ids()]
        temporary = self.jwks_path.with_suffix(".tmp")
        temporary.write_text(json.dumps({"keys": keys}, indent=1))
        temporary.replace(self.jwks_path)
        return key_id

    def mint(self, scopes: Iterable[str], subject: str, lifetime: timedelta) -> str:
        """A signed token; raises `ValueError` that names a scope which does not exist."""
        wanted = sorted(set(scopes))
        if unknown := set(wanted) - SCOPES:
            raise ValueError(f"no such scope: {', '.join(sorted(unknown))}; there are {', '.join(sorted(SCOPES))}")
        now = int(time.time())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": subject,
            "scope": " ".join(wanted),
            "iat": now,
            "exp": now + int(lifetime.total_seconds()),
            "jti": uuid4().hex,
        }
        key_id = self._key_ids()[-1]
        pem = (self.directory / f"{key_id}.pem").read_bytes()
        return jwt.encode(claims, pem, algorithm="EdDSA", headers={"kid": key_id})

    def _key_ids(self) -> list[str]:
        return sorted(path.stem for path in self.directory.glob("*.pem"))

    def _public(self, key_id: str) -> dict[str, Any]:
        key = jwt.algorithms.OKPAlgorithm().prepare_key((self.directory / f"{key_id}.pem").read_bytes())
        assert isinstance(key, Ed25519PrivateKey)  # noqa: S101  the files are ours
        public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
        return {**public, "kid": key_id, "use": "sig", "alg": "EdDSA"}


class TokenVerifier:
    """Verifies bearer tokens against a key file, read again when an unknown key id turns up, or an issuer's JWKS."""

    def __init__(self, jwks_file: Path | None, jwks_url: str | None = None, audience: str = AUDIENCE) -> None:
        self._file = jwks_file
        self._remote = PyJWKClient(jwks_url, cache_keys=True) if jwks_url else None
        self._audience = audience
        self._keys: dict[str, PyJWK] = {}
        self._read_at = 0.0
        self._seen: dict[str, Principal] = {}

    def verify(self, token: str) -> Principal:
        """The principal of a valid token; raises `Unauthorized`. A token seen before costs a dictionary look-up."""
        known = self._seen.get(token)
        if known is not None and known.expires_at > time.time():
            return known
        principal = self._verify(token)
        if len(self._seen) > 10_000:
            self._seen.clear()
        self._seen[token] = principal
        return principal

    def _verify(self, token: str) -> Principal:
        try:
            key_id = str(jwt.get_unverified_header(token).get("kid", ""))
            key = self._key(key_id, token)
            claims = jwt.decode(
                token,
                key,
                algorithms=_ASYMMETRIC,
                audience=self._audience,
                options={"require": ["exp", "sub"]},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthorized("The token has expired.") from error
        except jwt.PyJWTError as error:
            raise Unauthorized(f"The token is not valid: {error}.") from error
        scope = claims.get("scope", "")
        scopes = scope.split() if isinstance(scope, str) else [str(each) for each in scope]
        token_id = None if claims.get("jti") is None else str(claims["jti"])
        return Principal(str(claims["sub"]), frozenset(scopes), float(claims["exp"]), token_id, key_id or None)

    def _key(self, key_id: str, token: str) -> PyJWK:
        if key_id not in self._keys and self._file is not None and time.monotonic() - self._read_at > 1:
            self._read_at = time.monotonic()
            if self._file.exists():
                documents = json.loads(self._file.read_text())["keys"]
                self._keys = {str(each["kid"]): PyJWK.from_dict(each) for each in documents}
        if key_id in self._keys:
            return self._keys[key_id]
        if self._remote is not None:
            return self._remote.get_signing_key_from_jwt(token)
        raise jwt.InvalidKeyError("its key is not known here")
