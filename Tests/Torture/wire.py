"""Just enough of HTTP/1.1 and server-sent events for hundreds of clients in one thread."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

# What a client sees of a server that dies, freezes or was never there.
BROKEN = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, ValueError)


@dataclass
class Reply:
    """A head that came, and a body that may still come."""

    status: int
    fields: dict[str, str]
    reader: asyncio.StreamReader
    # Seconds without any byte after which the line counts as dead.
    patience: float

    async def parts(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises one of `BROKEN` where it is cut."""
        if self.fields.get("transfer-encoding") != "chunked":
            if left := int(self.fields.get("content-length", 0)):
                yield await self.within(self.reader.readexactly(left))
            return
        while True:
            size = int(await self.within(self.reader.readuntil(b"\r\n")), 16)
            part = await self.within(self.reader.readexactly(size + 2))
            if size == 0:
                return
            yield part[:-2]

    async def within(self, read):
        return await asyncio.wait_for(read, self.patience)

    async def json(self):
        return json.loads(b"".join([part async for part in self.parts()]) or b"null")

    async def events(self) -> AsyncIterator[tuple[str, dict]]:
        """Ids and data of the events; one that is cut off is none."""
        rest, name, data = b"", "", b""
        async for part in self.parts():
            *lines, rest = (rest + part).split(b"\n")
            for line in lines:
                if line.startswith(b"id: "):
                    name = line[4:].decode()
                elif line.startswith(b"data: "):
                    data += line[6:]
                elif not line and data:
                    yield name, json.loads(data)
                    data = b""


@asynccontextmanager
async def call(
    port: int, method: str, path: str, body: dict | None = None, fields: dict[str, str] | None = None,
    patience: float = 15
):
    """One request on a connection of its own."""
    reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port, limit=1 << 24), patience)
    try:
        data = b"" if body is None else json.dumps(body).encode()
        head = {
            "Host": f"127.0.0.1:{port}", "Content-Type": "application/json", "Content-Length": str(len(data)),
            "Connection": "close", **(fields or {})}
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
        writer.write("\r\n".join(lines).encode() + data)
        await writer.drain()
        lines = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), patience)).decode().split("\r\n")
        answer = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
        yield Reply(int(lines[0].split()[1]), answer, reader, patience)
    finally:
        writer.transport.abort()
