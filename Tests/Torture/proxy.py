"""A line to a database that can be cut, stalled or left hanging; in a thread of its own."""

import asyncio
import threading


class Proxy:
    """Passes bytes on; `mode` changes what happens, to open connections as well.

    `pass`, as ever; `hang`, connections are accepted and nothing is ever answered; `stall`, bytes of open connections
    wait and go on later; `reset`, open ones are reset and new ones too.
    """

    def __init__(self, port: int, host: str = "127.0.0.1"):
        self.target = (host, port)
        self.mode = "pass"
        self.port = 0
        self.accepted = 0
        self.lines: set[asyncio.StreamWriter] = set()
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        self.thread = threading.Thread(target=self.run, args=(started,), daemon=True)
        self.thread.start()
        started.wait(10)

    def run(self, started: threading.Event):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0))
        self.port = self.server.sockets[0].getsockname()[1]
        started.set()
        self.loop.run_forever()
        lines = asyncio.all_tasks(self.loop)
        for line in lines:
            line.cancel()
        self.loop.run_until_complete(asyncio.gather(*lines, return_exceptions=True))
        self.loop.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.accepted += 1
        self.lines.add(writer)
        try:
            if self.mode == "reset":
                return
            while self.mode == "hang":
                await asyncio.sleep(0.02)
            there_reader, there = await asyncio.open_connection(*self.target)
            self.lines.add(there)
            await asyncio.gather(self.carry(reader, there), self.carry(there_reader, writer))
            self.lines.discard(there)
        except OSError:
            pass
        finally:
            self.lines.discard(writer)
            writer.transport.abort()

    async def carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter):
        try:
            while data := await source.read(65536):
                while self.mode in ("hang", "stall"):
                    await asyncio.sleep(0.02)
                target.write(data)
                await target.drain()
        except OSError:
            pass
        finally:
            target.transport.abort()

    def turn(self, mode: str):
        self.mode = mode
        if mode == "reset":
            self.loop.call_soon_threadsafe(lambda: [line.transport.abort() for line in set(self.lines)])

    def stop(self):
        """Cuts all lines, and ends."""
        def end():
            # Whoever calls now is refused and not served.
            self.server.close()
            self.loop.stop()

        self.loop.call_soon_threadsafe(end)
        self.thread.join(10)
