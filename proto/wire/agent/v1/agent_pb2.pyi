from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ToAgent(_message.Message):
    __slots__ = ("generation", "stream", "welcome", "open", "data", "credit", "cancel", "goodbye", "ping")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    GOODBYE_FIELD_NUMBER: _ClassVar[int]
    PING_FIELD_NUMBER: _ClassVar[int]
    generation: int
    stream: int
    welcome: Welcome
    open: Open
    data: Data
    credit: Credit
    cancel: Cancel
    goodbye: Goodbye
    ping: Ping
    def __init__(self, generation: _Optional[int] = ..., stream: _Optional[int] = ..., welcome: _Optional[_Union[Welcome, _Mapping]] = ..., open: _Optional[_Union[Open, _Mapping]] = ..., data: _Optional[_Union[Data, _Mapping]] = ..., credit: _Optional[_Union[Credit, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., goodbye: _Optional[_Union[Goodbye, _Mapping]] = ..., ping: _Optional[_Union[Ping, _Mapping]] = ...) -> None: ...

class FromAgent(_message.Message):
    __slots__ = ("generation", "stream", "hello", "started", "data", "credit", "file", "files", "file_event", "processes", "end", "pong")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    STREAM_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    FILE_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    FILE_EVENT_FIELD_NUMBER: _ClassVar[int]
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    PONG_FIELD_NUMBER: _ClassVar[int]
    generation: int
    stream: int
    hello: Hello
    started: Started
    data: Data
    credit: Credit
    file: FileInfo
    files: FileList
    file_event: FileEvent
    processes: ProcessList
    end: End
    pong: Pong
    def __init__(self, generation: _Optional[int] = ..., stream: _Optional[int] = ..., hello: _Optional[_Union[Hello, _Mapping]] = ..., started: _Optional[_Union[Started, _Mapping]] = ..., data: _Optional[_Union[Data, _Mapping]] = ..., credit: _Optional[_Union[Credit, _Mapping]] = ..., file: _Optional[_Union[FileInfo, _Mapping]] = ..., files: _Optional[_Union[FileList, _Mapping]] = ..., file_event: _Optional[_Union[FileEvent, _Mapping]] = ..., processes: _Optional[_Union[ProcessList, _Mapping]] = ..., end: _Optional[_Union[End, _Mapping]] = ..., pong: _Optional[_Union[Pong, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("version", "last_generation", "boot_id", "uptime_ms", "configured_generation")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LAST_GENERATION_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    UPTIME_MS_FIELD_NUMBER: _ClassVar[int]
    CONFIGURED_GENERATION_FIELD_NUMBER: _ClassVar[int]
    version: str
    last_generation: int
    boot_id: bytes
    uptime_ms: int
    configured_generation: int
    def __init__(self, version: _Optional[str] = ..., last_generation: _Optional[int] = ..., boot_id: _Optional[bytes] = ..., uptime_ms: _Optional[int] = ..., configured_generation: _Optional[int] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("generation", "ping_interval_ms", "initial_credit")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    PING_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    INITIAL_CREDIT_FIELD_NUMBER: _ClassVar[int]
    generation: int
    ping_interval_ms: int
    initial_credit: int
    def __init__(self, generation: _Optional[int] = ..., ping_interval_ms: _Optional[int] = ..., initial_credit: _Optional[int] = ...) -> None: ...

class Goodbye(_message.Message):
    __slots__ = ("reason", "delay_ms")
    REASON_FIELD_NUMBER: _ClassVar[int]
    DELAY_MS_FIELD_NUMBER: _ClassVar[int]
    reason: str
    delay_ms: int
    def __init__(self, reason: _Optional[str] = ..., delay_ms: _Optional[int] = ...) -> None: ...

class Ping(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: int
    def __init__(self, number: _Optional[int] = ...) -> None: ...

class Pong(_message.Message):
    __slots__ = ("number",)
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    number: int
    def __init__(self, number: _Optional[int] = ...) -> None: ...

class Open(_message.Message):
    __slots__ = ("exec", "attach", "stdin", "signal", "resize", "list_processes", "read_file", "write_file", "stat_file", "list_files", "make_directory", "move_file", "copy_file", "remove_file", "change_mode", "watch_files", "read_archive", "write_archive", "dial", "configure")
    EXEC_FIELD_NUMBER: _ClassVar[int]
    ATTACH_FIELD_NUMBER: _ClassVar[int]
    STDIN_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    RESIZE_FIELD_NUMBER: _ClassVar[int]
    LIST_PROCESSES_FIELD_NUMBER: _ClassVar[int]
    READ_FILE_FIELD_NUMBER: _ClassVar[int]
    WRITE_FILE_FIELD_NUMBER: _ClassVar[int]
    STAT_FILE_FIELD_NUMBER: _ClassVar[int]
    LIST_FILES_FIELD_NUMBER: _ClassVar[int]
    MAKE_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    MOVE_FILE_FIELD_NUMBER: _ClassVar[int]
    COPY_FILE_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FILE_FIELD_NUMBER: _ClassVar[int]
    CHANGE_MODE_FIELD_NUMBER: _ClassVar[int]
    WATCH_FILES_FIELD_NUMBER: _ClassVar[int]
    READ_ARCHIVE_FIELD_NUMBER: _ClassVar[int]
    WRITE_ARCHIVE_FIELD_NUMBER: _ClassVar[int]
    DIAL_FIELD_NUMBER: _ClassVar[int]
    CONFIGURE_FIELD_NUMBER: _ClassVar[int]
    exec: Exec
    attach: Attach
    stdin: Stdin
    signal: Signal
    resize: Resize
    list_processes: ListProcesses
    read_file: ReadFile
    write_file: WriteFile
    stat_file: StatFile
    list_files: ListFiles
    make_directory: MakeDirectory
    move_file: MoveFile
    copy_file: CopyFile
    remove_file: RemoveFile
    change_mode: ChangeMode
    watch_files: WatchFiles
    read_archive: ReadArchive
    write_archive: WriteArchive
    dial: Dial
    configure: Configure
    def __init__(self, exec: _Optional[_Union[Exec, _Mapping]] = ..., attach: _Optional[_Union[Attach, _Mapping]] = ..., stdin: _Optional[_Union[Stdin, _Mapping]] = ..., signal: _Optional[_Union[Signal, _Mapping]] = ..., resize: _Optional[_Union[Resize, _Mapping]] = ..., list_processes: _Optional[_Union[ListProcesses, _Mapping]] = ..., read_file: _Optional[_Union[ReadFile, _Mapping]] = ..., write_file: _Optional[_Union[WriteFile, _Mapping]] = ..., stat_file: _Optional[_Union[StatFile, _Mapping]] = ..., list_files: _Optional[_Union[ListFiles, _Mapping]] = ..., make_directory: _Optional[_Union[MakeDirectory, _Mapping]] = ..., move_file: _Optional[_Union[MoveFile, _Mapping]] = ..., copy_file: _Optional[_Union[CopyFile, _Mapping]] = ..., remove_file: _Optional[_Union[RemoveFile, _Mapping]] = ..., change_mode: _Optional[_Union[ChangeMode, _Mapping]] = ..., watch_files: _Optional[_Union[WatchFiles, _Mapping]] = ..., read_archive: _Optional[_Union[ReadArchive, _Mapping]] = ..., write_archive: _Optional[_Union[WriteArchive, _Mapping]] = ..., dial: _Optional[_Union[Dial, _Mapping]] = ..., configure: _Optional[_Union[Configure, _Mapping]] = ...) -> None: ...

class Data(_message.Message):
    __slots__ = ("bytes", "offset", "channel", "fin")
    BYTES_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    CHANNEL_FIELD_NUMBER: _ClassVar[int]
    FIN_FIELD_NUMBER: _ClassVar[int]
    bytes: bytes
    offset: int
    channel: int
    fin: bool
    def __init__(self, bytes: _Optional[bytes] = ..., offset: _Optional[int] = ..., channel: _Optional[int] = ..., fin: _Optional[bool] = ...) -> None: ...

class Credit(_message.Message):
    __slots__ = ("bytes",)
    BYTES_FIELD_NUMBER: _ClassVar[int]
    bytes: int
    def __init__(self, bytes: _Optional[int] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("kill",)
    KILL_FIELD_NUMBER: _ClassVar[int]
    kill: bool
    def __init__(self, kill: _Optional[bool] = ...) -> None: ...

class End(_message.Message):
    __slots__ = ("code", "detail", "field", "exit")
    CODE_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    EXIT_FIELD_NUMBER: _ClassVar[int]
    code: str
    detail: str
    field: str
    exit: Exit
    def __init__(self, code: _Optional[str] = ..., detail: _Optional[str] = ..., field: _Optional[str] = ..., exit: _Optional[_Union[Exit, _Mapping]] = ...) -> None: ...

class Exit(_message.Message):
    __slots__ = ("code", "signal", "timed_out", "duration_ms", "end_offset")
    CODE_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    TIMED_OUT_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    END_OFFSET_FIELD_NUMBER: _ClassVar[int]
    code: int
    signal: str
    timed_out: bool
    duration_ms: int
    end_offset: int
    def __init__(self, code: _Optional[int] = ..., signal: _Optional[str] = ..., timed_out: _Optional[bool] = ..., duration_ms: _Optional[int] = ..., end_offset: _Optional[int] = ...) -> None: ...

class Variable(_message.Message):
    __slots__ = ("name", "value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: str
    def __init__(self, name: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class Exec(_message.Message):
    __slots__ = ("process_id", "digest", "command", "argv", "cwd", "env", "user", "stdin", "keep_stdin", "timeout_ms", "terminal", "offset", "detach")
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    ARGV_FIELD_NUMBER: _ClassVar[int]
    CWD_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    STDIN_FIELD_NUMBER: _ClassVar[int]
    KEEP_STDIN_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DETACH_FIELD_NUMBER: _ClassVar[int]
    process_id: str
    digest: bytes
    command: str
    argv: _containers.RepeatedScalarFieldContainer[str]
    cwd: str
    env: _containers.RepeatedCompositeFieldContainer[Variable]
    user: str
    stdin: bytes
    keep_stdin: bool
    timeout_ms: int
    terminal: TerminalSize
    offset: int
    detach: bool
    def __init__(self, process_id: _Optional[str] = ..., digest: _Optional[bytes] = ..., command: _Optional[str] = ..., argv: _Optional[_Iterable[str]] = ..., cwd: _Optional[str] = ..., env: _Optional[_Iterable[_Union[Variable, _Mapping]]] = ..., user: _Optional[str] = ..., stdin: _Optional[bytes] = ..., keep_stdin: _Optional[bool] = ..., timeout_ms: _Optional[int] = ..., terminal: _Optional[_Union[TerminalSize, _Mapping]] = ..., offset: _Optional[int] = ..., detach: _Optional[bool] = ...) -> None: ...

class TerminalSize(_message.Message):
    __slots__ = ("rows", "cols")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COLS_FIELD_NUMBER: _ClassVar[int]
    rows: int
    cols: int
    def __init__(self, rows: _Optional[int] = ..., cols: _Optional[int] = ...) -> None: ...

class Started(_message.Message):
    __slots__ = ("process_id", "pid", "offset", "dropped", "running")
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    process_id: str
    pid: int
    offset: int
    dropped: int
    running: bool
    def __init__(self, process_id: _Optional[str] = ..., pid: _Optional[int] = ..., offset: _Optional[int] = ..., dropped: _Optional[int] = ..., running: _Optional[bool] = ...) -> None: ...

class Attach(_message.Message):
    __slots__ = ("process", "offset", "follow")
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    FOLLOW_FIELD_NUMBER: _ClassVar[int]
    process: str
    offset: int
    follow: bool
    def __init__(self, process: _Optional[str] = ..., offset: _Optional[int] = ..., follow: _Optional[bool] = ...) -> None: ...

class Stdin(_message.Message):
    __slots__ = ("process", "close")
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    process: str
    close: bool
    def __init__(self, process: _Optional[str] = ..., close: _Optional[bool] = ...) -> None: ...

class Signal(_message.Message):
    __slots__ = ("process", "number")
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    process: str
    number: int
    def __init__(self, process: _Optional[str] = ..., number: _Optional[int] = ...) -> None: ...

class Resize(_message.Message):
    __slots__ = ("process", "size")
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    process: str
    size: TerminalSize
    def __init__(self, process: _Optional[str] = ..., size: _Optional[_Union[TerminalSize, _Mapping]] = ...) -> None: ...

class ListProcesses(_message.Message):
    __slots__ = ("process",)
    PROCESS_FIELD_NUMBER: _ClassVar[int]
    process: str
    def __init__(self, process: _Optional[str] = ...) -> None: ...

class ProcessList(_message.Message):
    __slots__ = ("processes",)
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    processes: _containers.RepeatedCompositeFieldContainer[Process]
    def __init__(self, processes: _Optional[_Iterable[_Union[Process, _Mapping]]] = ...) -> None: ...

class Process(_message.Message):
    __slots__ = ("process_id", "pid", "command", "started_at_ms", "running", "exit", "terminal", "first_offset", "next_offset", "user", "cwd")
    PROCESS_ID_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    RUNNING_FIELD_NUMBER: _ClassVar[int]
    EXIT_FIELD_NUMBER: _ClassVar[int]
    TERMINAL_FIELD_NUMBER: _ClassVar[int]
    FIRST_OFFSET_FIELD_NUMBER: _ClassVar[int]
    NEXT_OFFSET_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    CWD_FIELD_NUMBER: _ClassVar[int]
    process_id: str
    pid: int
    command: str
    started_at_ms: int
    running: bool
    exit: Exit
    terminal: bool
    first_offset: int
    next_offset: int
    user: str
    cwd: str
    def __init__(self, process_id: _Optional[str] = ..., pid: _Optional[int] = ..., command: _Optional[str] = ..., started_at_ms: _Optional[int] = ..., running: _Optional[bool] = ..., exit: _Optional[_Union[Exit, _Mapping]] = ..., terminal: _Optional[bool] = ..., first_offset: _Optional[int] = ..., next_offset: _Optional[int] = ..., user: _Optional[str] = ..., cwd: _Optional[str] = ...) -> None: ...

class ReadFile(_message.Message):
    __slots__ = ("path", "offset", "length", "user")
    PATH_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    path: str
    offset: int
    length: int
    user: str
    def __init__(self, path: _Optional[str] = ..., offset: _Optional[int] = ..., length: _Optional[int] = ..., user: _Optional[str] = ...) -> None: ...

class WriteFile(_message.Message):
    __slots__ = ("path", "mode", "user", "size", "room_bytes")
    PATH_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    ROOM_BYTES_FIELD_NUMBER: _ClassVar[int]
    path: str
    mode: int
    user: str
    size: int
    room_bytes: int
    def __init__(self, path: _Optional[str] = ..., mode: _Optional[int] = ..., user: _Optional[str] = ..., size: _Optional[int] = ..., room_bytes: _Optional[int] = ...) -> None: ...

class StatFile(_message.Message):
    __slots__ = ("path", "user")
    PATH_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    path: str
    user: str
    def __init__(self, path: _Optional[str] = ..., user: _Optional[str] = ...) -> None: ...

class ListFiles(_message.Message):
    __slots__ = ("path", "depth", "user")
    PATH_FIELD_NUMBER: _ClassVar[int]
    DEPTH_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    path: str
    depth: int
    user: str
    def __init__(self, path: _Optional[str] = ..., depth: _Optional[int] = ..., user: _Optional[str] = ...) -> None: ...

class MakeDirectory(_message.Message):
    __slots__ = ("path", "parents", "mode", "user")
    PATH_FIELD_NUMBER: _ClassVar[int]
    PARENTS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    path: str
    parents: bool
    mode: int
    user: str
    def __init__(self, path: _Optional[str] = ..., parents: _Optional[bool] = ..., mode: _Optional[int] = ..., user: _Optional[str] = ...) -> None: ...

class MoveFile(_message.Message):
    __slots__ = ("source", "target", "overwrite", "user")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    OVERWRITE_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    source: str
    target: str
    overwrite: bool
    user: str
    def __init__(self, source: _Optional[str] = ..., target: _Optional[str] = ..., overwrite: _Optional[bool] = ..., user: _Optional[str] = ...) -> None: ...

class CopyFile(_message.Message):
    __slots__ = ("source", "target", "overwrite", "user", "room_bytes")
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    OVERWRITE_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    ROOM_BYTES_FIELD_NUMBER: _ClassVar[int]
    source: str
    target: str
    overwrite: bool
    user: str
    room_bytes: int
    def __init__(self, source: _Optional[str] = ..., target: _Optional[str] = ..., overwrite: _Optional[bool] = ..., user: _Optional[str] = ..., room_bytes: _Optional[int] = ...) -> None: ...

class RemoveFile(_message.Message):
    __slots__ = ("path", "recursive", "user")
    PATH_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    path: str
    recursive: bool
    user: str
    def __init__(self, path: _Optional[str] = ..., recursive: _Optional[bool] = ..., user: _Optional[str] = ...) -> None: ...

class ChangeMode(_message.Message):
    __slots__ = ("path", "mode", "user")
    PATH_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    path: str
    mode: int
    user: str
    def __init__(self, path: _Optional[str] = ..., mode: _Optional[int] = ..., user: _Optional[str] = ...) -> None: ...

class WatchFiles(_message.Message):
    __slots__ = ("path", "recursive", "user")
    PATH_FIELD_NUMBER: _ClassVar[int]
    RECURSIVE_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    path: str
    recursive: bool
    user: str
    def __init__(self, path: _Optional[str] = ..., recursive: _Optional[bool] = ..., user: _Optional[str] = ...) -> None: ...

class ReadArchive(_message.Message):
    __slots__ = ("path", "user")
    PATH_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    path: str
    user: str
    def __init__(self, path: _Optional[str] = ..., user: _Optional[str] = ...) -> None: ...

class WriteArchive(_message.Message):
    __slots__ = ("path", "user", "room_bytes")
    PATH_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    ROOM_BYTES_FIELD_NUMBER: _ClassVar[int]
    path: str
    user: str
    room_bytes: int
    def __init__(self, path: _Optional[str] = ..., user: _Optional[str] = ..., room_bytes: _Optional[int] = ...) -> None: ...

class FileInfo(_message.Message):
    __slots__ = ("name", "path", "type", "size", "mode", "owner", "group", "modified_at_ns", "target", "inode")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    GROUP_FIELD_NUMBER: _ClassVar[int]
    MODIFIED_AT_NS_FIELD_NUMBER: _ClassVar[int]
    TARGET_FIELD_NUMBER: _ClassVar[int]
    INODE_FIELD_NUMBER: _ClassVar[int]
    name: str
    path: str
    type: str
    size: int
    mode: int
    owner: str
    group: str
    modified_at_ns: int
    target: str
    inode: int
    def __init__(self, name: _Optional[str] = ..., path: _Optional[str] = ..., type: _Optional[str] = ..., size: _Optional[int] = ..., mode: _Optional[int] = ..., owner: _Optional[str] = ..., group: _Optional[str] = ..., modified_at_ns: _Optional[int] = ..., target: _Optional[str] = ..., inode: _Optional[int] = ...) -> None: ...

class FileList(_message.Message):
    __slots__ = ("entries", "truncated")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[FileInfo]
    truncated: bool
    def __init__(self, entries: _Optional[_Iterable[_Union[FileInfo, _Mapping]]] = ..., truncated: _Optional[bool] = ...) -> None: ...

class FileEvent(_message.Message):
    __slots__ = ("type", "path", "new_path")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    NEW_PATH_FIELD_NUMBER: _ClassVar[int]
    type: str
    path: str
    new_path: str
    def __init__(self, type: _Optional[str] = ..., path: _Optional[str] = ..., new_path: _Optional[str] = ...) -> None: ...

class Dial(_message.Message):
    __slots__ = ("port",)
    PORT_FIELD_NUMBER: _ClassVar[int]
    port: int
    def __init__(self, port: _Optional[int] = ...) -> None: ...

class Configure(_message.Message):
    __slots__ = ("generation", "env", "user", "workdir", "now_ms")
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    ENV_FIELD_NUMBER: _ClassVar[int]
    USER_FIELD_NUMBER: _ClassVar[int]
    WORKDIR_FIELD_NUMBER: _ClassVar[int]
    NOW_MS_FIELD_NUMBER: _ClassVar[int]
    generation: int
    env: _containers.RepeatedCompositeFieldContainer[Variable]
    user: str
    workdir: str
    now_ms: int
    def __init__(self, generation: _Optional[int] = ..., env: _Optional[_Iterable[_Union[Variable, _Mapping]]] = ..., user: _Optional[str] = ..., workdir: _Optional[str] = ..., now_ms: _Optional[int] = ...) -> None: ...
