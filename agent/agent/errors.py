"""What can go wrong, as data.

Exception
 ├── Refused          a request that ends with a code of the protocol's list
 ├── MalformedFrame   bytes that are no message; the connection ends
 └── Violation        a message that breaks the protocol; the connection ends
"""

from __future__ import annotations

import errno
import os

CODES = {
    errno.ENOENT: "file_not_found",
    errno.EEXIST: "already_exists",
    errno.ENOTDIR: "not_a_directory",
    errno.EISDIR: "is_a_directory",
    errno.ENOTEMPTY: "directory_not_empty",
    errno.EACCES: "permission_denied",
    errno.EPERM: "permission_denied",
    errno.EROFS: "permission_denied",
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",
    errno.ELOOP: "invalid_argument",
    errno.ENAMETOOLONG: "invalid_argument",
    errno.EINVAL: "invalid_argument",
    errno.EBUSY: "invalid_argument",
    errno.ETXTBSY: "permission_denied",
    errno.EMFILE: "too_many",
    errno.ENFILE: "too_many",
    errno.EAGAIN: "too_many",
    errno.ENOMEM: "too_many",
    errno.EOPNOTSUPP: "unsupported",
    errno.ENXIO: "unsupported",
    errno.ENODEV: "unsupported",
}
DETAIL_LIMIT = 1000


class Refused(Exception):
    """``code`` is one of End's, ``field`` the refused argument in the public API's spelling."""

    def __init__(self, code: str, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail[:DETAIL_LIMIT]
        self.field = field


class MalformedFrame(Exception):
    """The bytes are not what they should be; the text says where."""


class Violation(Exception):
    """The frame is well-formed, and not allowed here."""


def from_os_error(error: OSError, field: str = "path") -> Refused:
    """The refusal that an error of the system means; ``field`` is told for bad arguments only."""
    number = error.errno or 0
    code = CODES.get(number, "internal")
    text = os.strerror(number) if number else "the operation failed"
    return Refused(code, text, field if code == "invalid_argument" else "")
