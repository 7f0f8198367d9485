"""What can stop a command of the stack, in words for the person who ran it.

StackError
├── PortsInUse        another program listens where a part must
├── StepFailed        a step of `up` ended badly; carries the end of its log
└── NotSupported      this machine cannot run the stack, and why
"""


class StackError(Exception):
    """Anything the user is told in one paragraph, without a traceback; exit code 1."""


class PortsInUse(StackError):
    def __init__(self, conflicts: list[str]) -> None:
        super().__init__("\n".join(conflicts))


class StepFailed(StackError):
    def __init__(self, step: str, detail: str) -> None:
        super().__init__(f"{step} failed\n{detail}".rstrip())


class NotSupported(StackError):
    pass
