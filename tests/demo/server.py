#!/usr/bin/env python3
"""A small asyncio HTTP server whose handlers are as careless as those of real programs.

Owns HTTP and the routes.  What the handlers do is in shop.py, the slow database is slowdb.py.  Most
routes block the loop, each in its own way; /ping, /async and /offload do not.
Only the standard library.

    server.py --port 8080 --db 127.0.0.1:5433 --folder /tmp/demo
"""

import argparse
import asyncio
import json
import os
from pathlib import Path
from typing import Any, Awaitable, Callable, Dict, Tuple

import shop

Handler = Callable[[], Awaitable[Any]]


async def ping() -> Any:
    return {"ok": True}


async def list_users() -> Any:
    return {"users": [shop.get_user(7)]}


async def monthly_report() -> Any:
    return {"bytes": shop.render_report()}


async def make_thumbnail() -> Any:
    return {"thumbnail": shop.resize_image("cat.jpg")}


async def read_config() -> Any:
    return {"config": shop.load_config()}


async def write_audit() -> Any:
    return {"entries": shop.append_audit("GET /audit")}


async def legacy() -> Any:
    return {"answer": shop.call_legacy()}


async def wait_politely() -> Any:
    await asyncio.sleep(0.2)
    return {"ok": True}


async def offload() -> Any:
    loop = asyncio.get_running_loop()
    return {"answer": await loop.run_in_executor(None, shop.call_legacy)}


ROUTES: Dict[str, Handler] = {
    "/ping": ping,
    "/users": list_users,
    "/report": monthly_report,
    "/thumbnail": make_thumbnail,
    "/config": read_config,
    "/audit": write_audit,
    "/legacy": legacy,
    "/async": wait_politely,
    "/offload": offload,
}


async def respond(path: str) -> Tuple[int, bytes]:
    """Status and body for one path."""
    handler = ROUTES.get(path)
    if handler is None:
        return 404, b'{"error": "no such path"}'
    return 200, json.dumps(await handler()).encode()


async def serve_client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection: requests without a body, answered in order, kept alive."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            path = head.split(b" ", 2)[1].decode("latin-1")
            status, body = await respond(path)
            writer.write(b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\n"
                         b"Content-Length: %d\r\n\r\n%s" % (status, len(body), body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main(args: argparse.Namespace) -> None:
    """Serve until killed; the port that was taken goes to a file when asked."""
    shop.open_shop(args.db, Path(args.folder))
    server = await asyncio.start_server(serve_client, "127.0.0.1", args.port)
    port = server.sockets[0].getsockname()[1]
    print(json.dumps({"port": port, "pid": os.getpid()}), flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--db", default="127.0.0.1:5433", metavar="HOST:PORT")
    parser.add_argument("--folder", default=".", help="where config.fifo is")
    try:
        asyncio.run(main(parser.parse_args()))
    except KeyboardInterrupt:
        pass
