"""The Docker networks of a deployment: make, read, remove."""

import ipaddress
from urllib.parse import quote

from infra.engine import Docker, DockerError, Json
from infra.engine.daemon import default_route_mtu
from infra.firewall.deployment import Bridge, Deployment, FirewallError, Network, Subnet

LABEL = "insien.deployment"


def ensure_network(docker: Docker, deployment: Deployment, network: Network) -> Bridge:
    """The network as asked; one with other settings is made anew while nothing is attached."""
    found = find(docker, network)
    if found is not None and (difference := differs(found, deployment, network)):
        if found["Labels"].get(LABEL) not in (None, deployment.label):
            raise FirewallError(
                f"network {network.name} belongs to deployment {found['Labels'][LABEL]}: "
                "give this one other names (SANDBOX_NETWORK, SANDBOX_NETWORK_ISOLATED)."
            )
        if found["Containers"]:
            raise FirewallError(
                f"network {network.name} has {difference}, and containers are attached to it: "
                "remove them, then run this again."
            )
        docker.delete(f"/networks/{found['Id']}")
        found = None
    if found is None:
        docker.post("/networks/create", _configuration(deployment, network))
        found = find(docker, network)
        assert found is not None
    return bridge_of(found, network)


def find(docker: Docker, network: Network) -> Json | None:
    """What Docker knows of the network; None when there is none."""
    try:
        found: Json = docker.get(f"/networks/{quote(network.name)}")
    except DockerError as error:
        if error.status == 404:
            return None
        raise
    return {**found, "Labels": found["Labels"] or {}, "Options": found["Options"] or {}}


def bridge_of(found: Json, network: Network) -> Bridge:
    """The network's bridge with its addresses."""
    for configuration in found["IPAM"]["Config"] or []:
        subnet = Subnet(configuration["Subnet"])
        if "Gateway" in configuration:
            gateway = ipaddress.IPv4Address(configuration["Gateway"].split("/")[0])
        else:
            gateway = subnet[1]
        return Bridge(network.bridge, subnet, gateway, network.internal)
    raise FirewallError(f"network {network.name} has no IPv4 addresses")


def differs(found: Json, deployment: Deployment, network: Network) -> str | None:
    """What is not as asked, in words; None when all is."""
    wanted = _configuration(deployment, network)
    if found["Driver"] != "bridge" or found["Internal"] != network.internal:
        return "another kind"
    if found["EnableIPv6"]:
        return "IPv6"
    for name, value in wanted["Options"].items():
        if found["Options"].get(name) != value and not name.endswith(".mtu"):
            return f"{name} = {found['Options'].get(name)}"
    if found["Labels"].get(LABEL) != deployment.label:
        return f"the label {LABEL} = {found['Labels'].get(LABEL)}"
    subnets = [configuration["Subnet"] for configuration in found["IPAM"]["Config"] or []]
    if network.subnet is not None and subnets != [str(network.subnet)]:
        return f"the subnet {', '.join(subnets)}"
    return None


def remove_network(docker: Docker, deployment: Deployment, network: Network) -> bool:
    """Remove the network when it is the deployment's own; whether there was one to remove."""
    found = find(docker, network)
    if found is None or found["Labels"].get(LABEL) != deployment.label:
        return False
    if found["Containers"]:
        raise FirewallError(f"containers are attached to network {network.name}: remove them first")
    docker.delete(f"/networks/{found['Id']}")
    return True


def _configuration(deployment: Deployment, network: Network) -> Json:
    options = {
        "com.docker.network.bridge.name": network.bridge,
        "com.docker.network.bridge.enable_icc": "false",
    }
    if mtu := default_route_mtu():
        options["com.docker.network.driver.mtu"] = str(mtu)
    configured: list[Json] = [] if network.subnet is None else [{"Subnet": str(network.subnet)}]
    return {
        "Name": network.name,
        "Driver": "bridge",
        "CheckDuplicate": True,
        "Internal": network.internal,
        "EnableIPv6": False,
        "IPAM": {"Config": configured},
        "Options": options,
        "Labels": {LABEL: deployment.label},
    }
