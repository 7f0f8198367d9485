"""Headers that tell browsers what not to do: Helmet's set, for an API and for a page."""

from gateway.headers import Fields

_EVERYWHERE: Fields = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"origin-agent-cluster", b"?1"),
    (b"x-dns-prefetch-control", b"off"),
    (b"x-download-options", b"noopen"),
    (b"x-permitted-cross-domain-policies", b"none"),
    (b"x-xss-protection", b"0"),
]

_API_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")


class SecurityHeaders:
    """Both sets; HSTS only when callers come by https."""

    def __init__(self, *, https: bool) -> None:
        common = [*_EVERYWHERE, _HSTS] if https else list(_EVERYWHERE)
        self._common = common
        self.api: Fields = [*common, _API_POLICY]

    def page(self, *, script: str, style: str) -> Fields:
        """For a page of ours whose one script and one style have these hashes (`sha256-…`)."""
        policy = (
            f"default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self';"
            " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        return [*self._common, (b"content-security-policy", policy.encode())]
