"""What this replica counts, for `/metrics`."""

from prometheus_client import Counter, Gauge

AGENTS = Gauge("insien_hub_agents", "Agents connected to this replica")
CLIENTS = Gauge("insien_hub_clients", "Client sockets open at this replica")
TUNNELS = Gauge("insien_hub_tunnels", "Connections to ports under way at this replica")
VIOLATIONS = Counter("insien_hub_violations", "Agents' connections closed for what they sent")
RELAYED = Counter("insien_hub_relayed", "Envelopes sent to other replicas")
LOST = Counter("insien_hub_envelopes_lost", "Gaps noticed in what other replicas sent")
