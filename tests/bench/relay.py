#!/usr/bin/env python3
# SPDX-License-Identifier: MPL-2.0
"""relay.py TARGET_PORT ONE_WAY_MS PORT_FILE: a TCP relay on loopback that is as far away as it is told.

Every piece that arrives is passed on ONE_WAY_MS milliseconds later, in both directions, whatever
else is on its way: a round trip costs twice that, bandwidth is not touched.
"""
import asyncio
import os
import sys


async def pump(reader, writer, delay):
    loop = asyncio.get_running_loop()
    queue = asyncio.Queue(maxsize=4096)

    async def deliver():
        while True:
            due, data = await queue.get()
            wait = due - loop.time()
            if wait > 0:
                await asyncio.sleep(wait)
            if not data:
                writer.close()
                return
            writer.write(data)
            await writer.drain()

    task = asyncio.create_task(deliver())
    try:
        while True:
            data = await reader.read(1 << 18)
            await queue.put((loop.time() + delay, data))
            if not data:
                break
        await task
    except (ConnectionError, asyncio.CancelledError):
        task.cancel()
        writer.close()


async def main():
    target, delay, port_file = int(sys.argv[1]), float(sys.argv[2]) / 1000, sys.argv[3]

    async def serve(reader, writer):
        # The handshake takes a round trip as well.
        await asyncio.sleep(2 * delay)
        there, back = await asyncio.open_connection("127.0.0.1", target, limit=1 << 20)
        await asyncio.gather(pump(reader, back, delay), pump(there, writer, delay))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 20)
    with open(port_file + ".new", "w", encoding="ascii") as f:
        f.write("%d\n" % server.sockets[0].getsockname()[1])
    os.rename(port_file + ".new", port_file)
    async with server:
        await server.serve_forever()


asyncio.run(main())
