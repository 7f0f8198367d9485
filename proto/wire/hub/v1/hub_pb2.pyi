from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WaitForAgentRequest(_message.Message):
    __slots__ = ("sandbox_id", "timeout_ms")
    SANDBOX_ID_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    sandbox_id: str
    timeout_ms: int
    def __init__(self, sandbox_id: _Optional[str] = ..., timeout_ms: _Optional[int] = ...) -> None: ...

class WaitForAgentResponse(_message.Message):
    __slots__ = ("connection_generation", "agent_version")
    CONNECTION_GENERATION_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    connection_generation: int
    agent_version: str
    def __init__(self, connection_generation: _Optional[int] = ..., agent_version: _Optional[str] = ...) -> None: ...

class Variable(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class ConfigureRequest(_message.Message):
    __slots__ = ("sandbox_id", "generation", "env", "user", "workdir")
    SANDBOX_ID_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    WORKDIR_FIELD_NUMBER: _ClassVar[int]
    sandbox_id: str
    generation: int
    env: _containers.RepeatedCompositeFieldContainer[Variable]
    user: str
    workdir: str
    def __init__(self, sandbox_id: _Optional[str] = ..., generation: _Optional[int] = ..., env: _Optional[_Iterable[_Union[Variable, _Mapping]]] = ..., user: _Optional[str] = ..., workdir: _Optional[str] = ...) -> None: ...

class ConfigureResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AgentStatusRequest(_message.Message):
    __slots__ = ("sandbox_ids",)
    SANDBOX_IDS_FIELD_NUMBER: _ClassVar[int]
    sandbox_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sandbox_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class AgentStatusResponse(_message.Message):
    __slots__ = ("agents",)
    AGENTS_FIELD_NUMBER: _ClassVar[int]
    agents: _containers.RepeatedCompositeFieldContainer[AgentState]
    def __init__(self, agents: _Optional[_Iterable[_Union[AgentState, _Mapping]]] = ...) -> None: ...

class AgentState(_message.Message):
    __slots__ = ("sandbox_id", "connected", "connection_generation", "hub_id")
    SANDBOX_ID_FIELD_NUMBER: _ClassVar[int]
    CONNECTED_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_GENERATION_FIELD_NUMBER: _ClassVar[int]
    HUB_ID_FIELD_NUMBER: _ClassVar[int]
    sandbox_id: str
    connected: bool
    connection_generation: int
    hub_id: str
    def __init__(self, sandbox_id: _Optional[str] = ..., connected: _Optional[bool] = ..., connection_generation: _Optional[int] = ..., hub_id: _Optional[str] = ...) -> None: ...

class DisconnectRequest(_message.Message):
    __slots__ = ("sandbox_id", "reason")
    SANDBOX_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    sandbox_id: str
    reason: str
    def __init__(self, sandbox_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class DisconnectResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
