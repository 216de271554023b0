"""nginx and redis as targets, with load that keeps each busy for milliseconds at a time.

Everything is on loopback and in the folder of the case.  A load is a thread of the test; it ends
when it is told to.
"""

import shutil
import socket
import threading
import time
from typing import Callable, List

from harness import Env, Failure, Skip, Target

NGINX = """
daemon off;
master_process off;
error_log %(folder)s/error.log;
pid %(folder)s/nginx.pid;
user root;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path %(folder)s/body;
    proxy_temp_path %(folder)s/proxy;
    fastcgi_temp_path %(folder)s/fastcgi;
    uwsgi_temp_path %(folder)s/uwsgi;
    scgi_temp_path %(folder)s/scgi;
    gzip on;
    gzip_comp_level 9;
    gzip_types *;
    server {
        listen 127.0.0.1:%(port)d;
        root %(folder)s;
        location /ssi/ { ssi on; ssi_types *; alias %(folder)s/; }
        rewrite ^/re(wri)+te/(.*)$ /$2;
    }
}
"""

LUA = "local x = 0 for i = 1, 200000 do x = x + i % 7 end return x .. string.rep('a', 100)"
REDIS_COMMANDS = [["EVAL", LUA, "0"], ["SORT", "list", "ALPHA"], ["KEYS", "*7*"],
                  ["SUNIONSTORE", "out", "set", "set2"], ["LRANGE", "list", "0", "-1"],
                  ["ZRANGEBYSCORE", "sorted", "-inf", "+inf", "WITHSCORES"]]


def port_free() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def connect(port: int, seconds: float = 20) -> socket.socket:
    until = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 5)
        except OSError:
            if time.monotonic() > until:
                raise Failure("nobody listens on port %d" % port) from None
            time.sleep(0.05)


def need(program: str) -> None:
    if not shutil.which(program):
        raise Skip("no " + program)


def nginx(env: Env, port: int) -> int:
    """One process, so that ending it ends all."""
    need("nginx")
    (env.folder / "text").write_text("".join("line %d of a text\n" % n for n in range(60000)))
    (env.folder / "page").write_text('<!--#set var="n" value="7" -->'
                                     + '<!--#if expr="$n = /7/" -->a<!--#endif -->\n' * 3000)
    conf = env.folder / "nginx.conf"
    conf.write_text(NGINX % {"folder": env.folder, "port": port})
    target = env.start(["nginx", "-c", str(conf), "-p", str(env.folder)], early=True)
    connect(port).close()
    return target.pid


def redis(env: Env, port: int) -> int:
    need("redis-server")
    target: Target = env.start(["redis-server", "--port", str(port), "--bind", "127.0.0.1",
                                "--save", "", "--dir", str(env.folder)], early=True)
    with connect(port) as s:
        reader = s.makefile("rb")
        for i in range(0, 20000, 100):
            part = [str(n * 7919 % 20011) for n in range(i, i + 100)]
            for command in (["RPUSH", "list", *part], ["SADD", "set", *part],
                            ["SADD", "set2", *(p + "x" for p in part)],
                            ["ZADD", "sorted", *(w for p in part for w in (p, "m" + p))],
                            ["MSET", *(w for p in part for w in ("key" + p, p))]):
                redis_ask(s, reader, command)
    return target.pid


def redis_ask(s: socket.socket, reader: "object", words: List[str]) -> None:
    s.sendall(b"*%d\r\n" % len(words) + b"".join(
        b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))
    redis_skip(reader)


def redis_skip(reader: "object") -> None:
    """Take one answer from the stream."""
    line = reader.readline()  # type: ignore[attr-defined]
    kind, rest = line[:1], line[1:].strip()
    if kind == b"$" and int(rest) >= 0:
        reader.read(int(rest) + 2)  # type: ignore[attr-defined]
    elif kind == b"*":
        for _ in range(int(rest)):
            redis_skip(reader)


class Loads:
    """Threads that ask the same again and again, until the end."""

    def __init__(self, port: int, ask: Callable[[socket.socket, int], None], threads: int) -> None:
        self.ended = threading.Event()
        self.port, self.ask = port, ask
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def run(self, number: int) -> None:
        while not self.ended.is_set():
            try:
                with connect(self.port, 1) as s:
                    self.ask(s, number)
            except (OSError, Failure, ValueError):
                time.sleep(0.01)

    def end(self) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join(20)


def nginx_ask(s: socket.socket, number: int) -> None:
    path = ("text", "ssi/page", "rewriwrite/text")[number % 3]
    s.sendall(("GET /%s HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
               % path).encode())
    while s.recv(1 << 20):
        pass


def redis_turn(s: socket.socket, number: int) -> None:
    reader = s.makefile("rb")
    for i in range(7):
        redis_ask(s, reader, REDIS_COMMANDS[(number + i) % len(REDIS_COMMANDS)])
