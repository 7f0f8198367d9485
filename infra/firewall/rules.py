"""The rules, as data: for each table and chain, the arguments of ``iptables -A <chain>``.

First match wins. Refusals are answered, so that a program in a sandbox fails at once instead of
waiting: TCP by a reset (an ICMP error that arrives while the socket is in use is only remembered,
and connect() waits for the next attempt), the rest by ICMP. A forged source gets no answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from infra.firewall.deployment import Bridge, Target

Rule = tuple[str, ...]

# RFC 6890 special-purpose addresses that lead to somebody's inside, and multicast.
PRIVATE = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
RESET = ("-j", "REJECT", "--reject-with", "tcp-reset")
PROHIBIT = ("-j", "REJECT", "--reject-with", "icmp-admin-prohibited")
DROP = ("-j", "DROP")
ACCEPT = ("-j", "ACCEPT")
ESTABLISHED: Rule = ("-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", *ACCEPT)


@dataclass(frozen=True, slots=True)
class Access:
    """What sandboxes may reach besides the internet.

    ``hub`` is where the hub listens on this host: the open network's gateway and the agent port.
    """

    hub: Target
    allowed: Sequence[Target]
    resolvers: Sequence[IPv4Address]


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain of ours and the rule that leads to it: at the head of ``hooked_from``."""

    table: str
    name: str
    hooked_from: str
    hook: Rule
    rules: tuple[Rule, ...]


def chains(bridge: Bridge, access: Access) -> list[Chain]:
    """All IPv4 chains for one bridge."""
    hook = ("-i", bridge.name)
    made = [
        _chain("filter", "FWD", bridge, "DOCKER-USER", hook, _forward(bridge, access)),
        _chain("filter", "IN", bridge, "INPUT", hook, _input(bridge, access)),
    ]
    if bridge.internal:
        made.append(_chain("nat", "HUB", bridge, "PREROUTING", hook, [_to_hub(bridge, access)]))
    return made


def chains_v6(bridge: Bridge) -> list[Chain]:
    """All IPv6 chains for one bridge: nothing passes."""
    hook = ("-i", bridge.name)
    return [
        _chain("filter", "FWD", bridge, "FORWARD", hook, [DROP]),
        _chain("filter", "IN", bridge, "INPUT", hook, [DROP]),
    ]


def _chain(
    table: str, kind: str, bridge: Bridge, parent: str, hook: Rule, rules: Sequence[Rule]
) -> Chain:
    return Chain(table, f"INSIEN-{kind}-{bridge.name}", parent, hook, tuple(rules))


def _forward(bridge: Bridge, access: Access) -> list[Rule]:
    rules = [_forged(bridge), ESTABLISHED]
    rules += [_tcp(target) for target in _allowed(bridge, access)]
    if bridge.internal:
        return [*rules, *_refuse()]
    rules += _names(access)
    rules += _refuse("-o", bridge.name)
    for addresses in PRIVATE:
        rules += _refuse("-d", addresses)
    # What is left goes on to Docker's own rules, which let it out.
    return rules


def _input(bridge: Bridge, access: Access) -> list[Rule]:
    rules = [_forged(bridge), ESTABLISHED, _tcp(access.hub)]
    rules += [_tcp(target) for target in _allowed(bridge, access)]
    if not bridge.internal:
        rules += _names(access)
    return [*rules, *_refuse()]


def _refuse(*where: str) -> list[Rule]:
    return [(*where, "-p", "tcp", *RESET), (*where, *PROHIBIT)]


def _to_hub(bridge: Bridge, access: Access) -> Rule:
    hub = f"{access.hub.addresses.network_address}:{access.hub.port}"
    port = ("-p", "tcp", "-m", "tcp", "--dport", str(access.hub.port))
    return ("-d", f"{bridge.gateway}/32", *port, "-j", "DNAT", "--to-destination", hub)


def _allowed(bridge: Bridge, access: Access) -> list[Target]:
    """All of them; on the isolated bridge only what is on it: a hub that is a container."""
    if not bridge.internal:
        return list(access.allowed)
    return [each for each in access.allowed if each.addresses.subnet_of(bridge.subnet)]


def _forged(bridge: Bridge) -> Rule:
    return ("!", "-s", str(bridge.subnet), *DROP)


def _tcp(target: Target) -> Rule:
    port = ("-p", "tcp", "-m", "tcp", "--dport", str(target.port))
    return ("-d", str(target.addresses), *port, *ACCEPT)


def _names(access: Access) -> list[Rule]:
    return [
        ("-d", f"{address}/32", "-p", protocol, "-m", protocol, "--dport", "53", *ACCEPT)
        for address in access.resolvers
        for protocol in ("udp", "tcp")
    ]
