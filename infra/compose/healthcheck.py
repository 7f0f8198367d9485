"""The image's health check: does the service of INSIEN_PACKAGE answer /livez; exit status 1 if not.

Alive is asked, not ready: a service that waits for its database is not to be restarted for it.
"""

import os
import sys
import urllib.request

# The variable that names the port of /livez, and its default.
PORTS = {
    "auth": ("PORT", "8081"),
    "sandbox": ("PORT", "8082"),
    "ws-hub": ("HTTP_PORT", "8083"),
    "gateway": ("METRICS_PORT", "3002"),
}


def alive() -> bool:
    """One request on the loopback interface, 3 s at most; no proxy is asked."""
    variable, default = PORTS[os.environ["INSIEN_PACKAGE"]]
    url = f"http://127.0.0.1:{os.environ.get(variable) or default}/livez"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=3) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


if __name__ == "__main__":
    sys.exit(0 if alive() else 1)
