"""`python -m gateway`: the public port and, beside it, the port for probes and metrics."""

import logging

from gateway import probes
from gateway.app import Gateway
from gateway.protocol import KEEP_ALIVE_SECONDS, PublicProtocol
from gateway.settings import GatewaySettings
from kit import logs, serve, settings


def main() -> None:
    """Serves until SIGTERM; then finishes what is in flight, at most 30 s."""
    chosen = settings.load(GatewaySettings)
    logs.configure("gateway", chosen.log_level)
    # It logs each upgrade with its path and query; the request log has all that may be told.
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    gateway = Gateway(chosen)
    public = serve.http_server(
        gateway,
        http=PublicProtocol,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
    internal = serve.http_server(
        probes.create_app({"redis": gateway.redis.ping}, lambda: public.should_exit),
        lifespan="off",
    )
    probed = serve.listening_socket(chosen.host, chosen.metrics_port, "METRICS_LISTEN_FD")
    door = serve.listening_socket(chosen.host, chosen.port)
    # The signal reaches the one started last first: probes are answered while it drains.
    serve.run([(internal, probed), (public, door)])


if __name__ == "__main__":
    main()
