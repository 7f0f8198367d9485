"""The program inside every sandbox: processes, terminals, files and ports over one socket.

Standard library only, one thread, no asyncio: importing asyncio alone costs more time and memory
than the rest of the agent together.
"""

VERSION = "0.1.0"
