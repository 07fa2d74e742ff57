"""Keeping personal data and secrets out of what is written down."""

import re
from typing import Any, Final

import msgspec

HIDDEN: Final = "***"

# Cheap test that lets most texts pass untouched: without one of these marks there is nothing to mask.
_suspicious = re.compile(r"@|%40|(?:\d[ .()/-]{0,2}){7}|bearer|basic|eyJ|key|token|secret|password", re.IGNORECASE)
_email = re.compile(r"(?<![\w!#$+^~.%-])([\w!#$+^~.%-])[\w!#$+^~.%-]*+@([^\W_])[\w-]*((?:\.[\w-]+)*)")
_url_password = re.compile(r"(://)[^\s/@:]*:[^\s/@]+(?=@)")
_phone = re.compile(
    r"(?<![\w.:-])(?:"
    r"\+\d(?:[ .()/-]{0,2}\d){6,14}"  # international
    r"|%2B\d{7,15}"
    r"|\(0?\d{1,4}\)[ -]?\d{2,4}[ -]?\d{3,4}"  # (02) 2345-6789
    r"|\d{2,4}[ -]\d{3,4}[ -]\d{3,4}"  # 555-123-4567
    r"|\d{9,15}"  # written without any grouping
    r")(?![\w-])",
    re.IGNORECASE,
)
_credential = re.compile(r"\b(bearer|basic)(\s+|%20)[\w.~+/=-]{6,}", re.IGNORECASE)
_jwt = re.compile(r"\beyJ[\w-]{5,}\.[\w-]+(?:\.[\w-]*)?")
_assigned = re.compile(
    r"((?:write[-_]?key|api[-_]?key|access_?token|refresh_?token|token|secret|password)[\"']?\s*(?:=|:|%3D|%3A)\s*[\"']?)"
    r"(?!\s)([^\s\"',;&})\]]+)",
    re.IGNORECASE,
)
_secret_name = re.compile(
    r".*(?:authorization|cookie|write[-_]?key|api[-_]?key|token|secret|password|passwd|signature)", re.IGNORECASE
)
_phone_name = re.compile(r"(?:.*_)?(?:phone|mobile|msisdn|tel|telephone|fax)(?:_number)?", re.IGNORECASE)


def mask(text: str) -> str:
    """`text` with e-mail addresses and phone numbers shortened beyond recognition and credentials left out."""
    if _suspicious.search(text) is None:
        return text
    text = _url_password.sub(rf"\1{HIDDEN}", text.replace("%40", "@"))
    text = _credential.sub(rf"\1\2{HIDDEN}", text)
    text = _jwt.sub(HIDDEN, text)
    text = _assigned.sub(rf"\1{HIDDEN}", text)
    return _phone.sub(_masked_phone, _email.sub(_masked_email, text))


def masked(value: Any) -> Any:
    """A value of any type as JSON types, every text in it masked; what a name marks as secret or a phone wholly."""
    return _masked(msgspec.to_builtins(value, enc_hook=repr, str_keys=True))


def masked_field(name: str, value: Any) -> Any:
    """`masked(value)` under a name that may tell what the value is."""
    return _masked_field(name, msgspec.to_builtins(value, enc_hook=repr, str_keys=True))


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {mask(name): _masked_field(name, each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(each) for each in value]
    return value


def _masked_field(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if _secret_name.fullmatch(name):
        return HIDDEN
    if _phone_name.fullmatch(name) and isinstance(value, str | int):
        return _short(str(value))
    return _masked(value)


def _masked_email(match: re.Match[str]) -> str:
    first, domain, rest = match.groups()
    return f"{first}{HIDDEN}@{domain}{HIDDEN}{rest[rest.rfind('.') :] if rest else ''}"


def _masked_phone(match: re.Match[str]) -> str:
    return _short(match[0])


def _short(number: str) -> str:
    digits = re.sub(r"[^\d+]", "", number.replace("%2B", "+").replace("%2b", "+"))
    if len(digits) < 8:
        return HIDDEN
    return f"{digits[:5]}{HIDDEN}{digits[-2:]}"
