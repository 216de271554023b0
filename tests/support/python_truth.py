"""Blocks threads in known places, then prints every thread's stack as Python itself sees it.

One line per frame, innermost first: thread id, thread pointer, name, file, line, whether its code
is a coroutine's (0, 1), separated by tabs; "END" after the last.  Works from Python 3.8 on.  Ends when its standard input does.
"""
import asyncio
import functools
import os
import sys
import tempfile
import threading
import time
import zipfile

FOREVER = 1000


class Service:
    def nested(self, depth):
        if depth:
            return self.nested(depth - 1)
        run = lambda: wait(
            "lambda")
        return run()

    class Inner:
        @staticmethod
        def static(_):
            return list(map(lambda n: wait("static"), [1]))


def wait(_why):
    try:
        time.sleep(
            FOREVER
        )
    finally:
        pass


def generator():
    yield wait("generator")


def through_sort():
    return sorted([3, 1, 2], key=Service.Inner.static)


def übung():
    namespace = {"wait": wait}
    exec(compile("\n\ndef made():\n    wait('exec')\n\nmade()\n", "<made up>", "exec"), namespace)


def logged(fn):
    @functools.wraps(fn)
    def wrapper(*args):
        return fn(*args)
    return wrapper


@logged
@logged
def decorated():
    wait("decorated")


class Made:
    def __init__(self, why):
        if why:
            wait(why)


def through_init():
    """Often enough for a call that the interpreter specializes."""
    for why in [None] * 300 + ["init"]:
        Made(why)


def comprehended():
    return {n: [
        wait("comprehension") for _ in range(n)] for n in (1,)}


def relative():
    exec(compile("class Made:\n    wait('relative')\n", "./shop/cart.py", "exec"), {"wait": wait})


def zipped():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "truth.zip")
        with zipfile.ZipFile(path, "w") as z:
            z.writestr("inside_zip.py", "def call(fn):\n    return [\n        fn()]\n")
        sys.path.insert(0, path)
        import inside_zip
    inside_zip.call(lambda: wait("zip"))


def long_name():
    name = "x" * 1000 + "ü"
    namespace = {"wait": wait}
    exec("def %s():\n    wait('long name')\n%s()" % (name, name), namespace)


def deep(n):
    if n:
        deep(n - 1)
    else:
        wait("deep")


async def blocking():
    await asyncio.sleep(0)
    wait("coroutine")


async def numbers():
    wait("asynchronous generator")
    yield 1


async def through_numbers():
    return [n async for n in numbers()]


async def idle():
    await asyncio.sleep(FOREVER)


def spin_up():
    works = [
        lambda: Service().nested(7),
        lambda: list(generator()),
        through_sort,
        übung,
        lambda: deep(23),
        lambda: deep(307),
        lambda: asyncio.run(blocking()),
        lambda: asyncio.run(idle()),
        lambda: asyncio.run(through_numbers()),
        decorated,
        through_init,
        comprehended,
        relative,
        zipped,
        long_name,
    ]
    return [threading.Thread(target=work, daemon=True) for work in works]


def foreign(threads):
    """A thread that C code makes: Python meets it when it calls back."""
    import ctypes

    def called(_):
        threads.append(threading.current_thread())
        wait("foreign")

    callback = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(called)
    thread = ctypes.c_ulong()
    ctypes.CDLL(None).pthread_create(ctypes.byref(thread), None, callback, None)
    return callback


def name(code):
    return getattr(code, "co_qualname", code.co_name)


def dump(threads):
    time.sleep(0.3)
    frames = sys._current_frames()
    lines = []
    for thread in threads:
        frame = frames[thread.ident]
        while frame:
            lines.append("%d\t%d\t%s\t%s\t%d\t%d" % (
                thread.native_id, thread.ident, name(frame.f_code),
                frame.f_code.co_filename, frame.f_lineno,
                bool(frame.f_code.co_flags & 0x280)))
            frame = frame.f_back
    out = "\n".join(lines) + "\nEND\n"
    os.write(1, out.encode("utf-8", "surrogateescape"))


def main():
    threads = spin_up()
    for thread in threads:
        thread.start()
    threads.append(threading.current_thread())
    keep = foreign(threads)
    threading.Thread(target=dump, args=(threads,), daemon=True).start()
    sys.stdin.buffer.read()
    del keep


main()
