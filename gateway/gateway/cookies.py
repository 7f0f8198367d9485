"""Cookies of previews: ours stays with us, those of an app stay with its host or its path."""

from gateway.headers import Fields

ENTRY = b"insien-entry"
"""Cookie that lets a browser into a private port: a sandbox token."""


def entry(cookie: bytes) -> str:
    """The entry cookie's value in a `Cookie` field, empty without one."""
    for pair in cookie.split(b";"):
        name, _, value = pair.strip().partition(b"=")
        if name == ENTRY:
            return value.decode("latin-1")
    return ""


def without_entry(cookie: bytes) -> bytes:
    """The `Cookie` field as the app may see it."""
    pairs = (pair.strip() for pair in cookie.split(b";"))
    return b"; ".join(pair for pair in pairs if pair.partition(b"=")[0] != ENTRY)


def set_entry(token: str, seconds: int, *, https: bool) -> bytes:
    """The `Set-Cookie` field of an entry; for this host only."""
    secure = "; Secure" if https else ""
    text = f"{ENTRY.decode()}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    return text.encode()


def scoped(set_cookie: bytes, prefix: bytes) -> bytes | None:
    """An app's `Set-Cookie`, kept to its host and, with a prefix, to its path.

    None for one that would replace the entry cookie. Without this, an app could set cookies for
    the whole preview domain, which browsers would send to every other sandbox.
    """
    first, *attributes = [part.strip() for part in set_cookie.split(b";")]
    if first.partition(b"=")[0].strip() == ENTRY:
        return None
    kept = [first]
    for attribute in attributes:
        name = attribute.partition(b"=")[0].strip().lower()
        if name == b"domain" or (name == b"path" and prefix):
            continue
        kept.append(attribute)
    if prefix:
        kept.append(b"Path=" + prefix)
    return b"; ".join(kept)


def kept_to_app(fields: Fields, prefix: bytes) -> Fields:
    """An app's answer fields: its cookies kept to it, nothing that looks like ours."""
    kept: Fields = []
    for name, value in fields:
        if name == b"set-cookie":
            cookie = scoped(value, prefix)
            if cookie is not None:
                kept.append((name, cookie))
        elif not name.startswith(b"x-insien-"):
            kept.append((name, value))
    return kept
