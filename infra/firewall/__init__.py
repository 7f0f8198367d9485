"""The privileged part of a deployment: the sandboxes' networks and what they may reach.

Run before the services, as root on Docker's machine (or in a container with its network and
``NET_ADMIN``). Two Docker networks, each with a chain of its own per table, named after its bridge:

* ``insien-sandboxes`` on the bridge ``insien0``: the internet, name servers, the hub's agent port;
  no private, link-local (cloud metadata), carrier or multicast address, no other sandbox, no other
  port of the host.
* ``insien-isolated`` on ``insien1``, internal: the hub's agent port and nothing else. It has no
  route out, so the hub is its own gateway address there: connections to that are handed on to the
  hub on the other bridge.

Where the hub is a container on these networks, ``--allow <its address>:3001`` opens the way to it.
IPv6 from a sandbox is dropped altogether.
"""

from infra.firewall.apply import apply, remove
from infra.firewall.deployment import Deployment, FirewallError, Target
from infra.firewall.verify import verify

__all__ = ["Deployment", "FirewallError", "Target", "apply", "remove", "verify"]
