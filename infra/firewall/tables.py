"""The kernel's tables, through whichever iptables Docker uses (nft or legacy)."""

import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass

from infra.firewall.deployment import FirewallError
from infra.firewall.rules import Chain, Rule

OWN = "INSIEN-"
# Seconds to wait for the lock that legacy iptables takes.
LOCK = ("-w", "10")


@dataclass(frozen=True, slots=True)
class Tables:
    """One program of the iptables family; holds no state."""

    program: str

    def install(self, chain: Chain) -> None:
        """Fill the chain in one step, then make sure that it is hooked first."""
        lines = [f"*{chain.table}", f":{chain.name} - [0:0]", f"-F {chain.name}"]
        lines += [f"-A {chain.name} {' '.join(rule)}" for rule in chain.rules]
        self._restore([*lines, "COMMIT", ""])
        if not self.hooked_first(chain):
            self._unhook(chain.table, chain.name)
            self._run(chain.table, "-I", chain.hooked_from, *chain.hook, "-j", chain.name)

    def rules(self, table: str, name: str) -> list[str] | None:
        """The rules of a chain as the kernel tells them; None when there is no such chain."""
        done = self._try(table, "-S", name)
        if done.returncode != 0:
            return None
        prefix = f"-A {name} "
        lines = done.stdout.splitlines()
        return [line.removeprefix(prefix).strip() for line in lines if line.startswith(prefix)]

    def spelled(self, chain: Chain) -> list[str]:
        """The rules of ``chain`` as the kernel would tell them, tried in a chain of no effect."""
        scratch = f"{OWN}TRY-{os.getpid()}"
        trial = Chain(chain.table, scratch, "", (), chain.rules)
        lines = [f"*{chain.table}", f":{scratch} - [0:0]", f"-F {scratch}"]
        lines += [f"-A {scratch} {' '.join(rule)}" for rule in trial.rules]
        self._restore([*lines, "COMMIT", ""])
        try:
            return self.rules(chain.table, scratch) or []
        finally:
            self._drop(chain.table, scratch)

    def hooked_first(self, chain: Chain) -> bool:
        """Whether nothing but chains of ours comes before the jump into ``chain``."""
        wanted = " ".join((*chain.hook, "-j", chain.name))
        for rule in self.rules(chain.table, chain.hooked_from) or []:
            if rule == wanted:
                return True
            if not rule.split("-j ")[-1].startswith(OWN):
                return False
        return False

    def uninstall(self, table: str, name: str) -> bool:
        """Unhook and delete a chain; whether it was there."""
        if self.rules(table, name) is None:
            return False
        self._unhook(table, name)
        self._drop(table, name)
        return True

    def _unhook(self, table: str, name: str) -> None:
        for line in self._try(table, "-S").stdout.splitlines():
            words = line.split()
            if words[:1] == ["-A"] and words[-2:] == ["-j", name]:
                self._run(table, "-D", *words[1:])

    def _drop(self, table: str, name: str) -> None:
        self._run(table, "-F", name)
        self._run(table, "-X", name)

    def _restore(self, lines: list[str]) -> None:
        command = [f"{self.program}-restore", "--noflush", *LOCK]
        done = subprocess.run(
            command, input="\n".join(lines), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise FirewallError(f"{self.program}-restore: {done.stderr.strip()}")

    def _try(self, table: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [self.program, *LOCK, "-t", table, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def _run(self, table: str, *arguments: str) -> None:
        done = self._try(table, *arguments)
        if done.returncode != 0:
            raise FirewallError(f"{self.program} {' '.join(arguments)}: {done.stderr.strip()}")


def docker_tables() -> Tables:
    """The IPv4 program that Docker uses: the one that knows its chain for users' rules."""
    for program in _present(("iptables", "iptables-nft", "iptables-legacy")):
        if Tables(program).rules("filter", "DOCKER-USER") is not None:
            return Tables(program)
    raise FirewallError(
        "Docker's chain DOCKER-USER is in no iptables that can be used here: run this as root on "
        "Docker's machine, with the package iptables, and let Docker manage iptables."
    )


def ipv6_tables(tables: Tables) -> Tables | None:
    """The IPv6 twin; None where the kernel has no IPv6."""
    for program in _present((tables.program.replace("iptables", "ip6tables"),)):
        if Tables(program).rules("filter", "FORWARD") is not None:
            return Tables(program)
    return None


def _present(programs: Iterable[Rule | str]) -> list[str]:
    return [str(program) for program in programs if shutil.which(str(program))]
