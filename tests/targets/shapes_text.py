"""Shapes of the text of a program: names, files and lines that are out of the ordinary."""

import importlib
import os
import shutil
import sys
import tempfile
from typing import Any, Dict

from shapes import rest, shape


def execute(text: str, name: str, **names: Any) -> Dict[str, Any]:
    """Run a text as code from a file of that name, which need not be one."""
    space = dict(names, rest=rest)
    exec(compile(text, name, "exec"), space)
    return space


@shape("exec")
def exec_() -> None:
    execute("def made():\n    rest()\n\n\nmade()\n", "<string>")


@shape("eval")
def eval_() -> None:
    eval("[0, rest()][1]", {"rest": rest})


@shape("class-body")
def class_body() -> None:
    class Body:
        value = rest()


class Straße:
    def größe_messen(self) -> None:
        rest()

    def 測る(self) -> None:
        (lambda naïve: self.größe_messen())(1)


@shape("non-ascii")
def non_ascii() -> None:
    def наружу() -> None:
        Straße().測る()
    наружу()


@shape("file-names")
def file_names() -> None:
    """One, two and four bytes for a character."""
    names = ["/srv/café/menü.py", "/srv/メニュー.py", "/srv/menu \U0001f35d.py"]

    def following(i: int) -> Any:
        return rest if i == len(names) else lambda: execute("go()\n", names[i], go=following(i + 1))
    following(0)()


@shape("long-name")
def long_name() -> None:
    name = "a_name_of_about_a_hundred_characters_" * 3
    execute("def %s():\n    rest()\n%s()\n" % (name, name), "<long>")


@shape("many-lines")
def many_lines() -> None:
    """A function with a long table of lines, the call at its end."""
    body = "".join("    x = %d\n" % i for i in range(900))
    execute("def much():\n" + body + "    rest()\nmuch()\n", "<much>")


@shape("gaps")
def gaps() -> None:
    """Steps of lines that one byte does not hold, forward and back."""
    text = "def gap():\n" + "\n" * 150 + "    for _ in range(2):\n" + "\n" * 500 + "        x = 1\n"
    text += "\n" * 1000 + "        if _: rest()\n" + "\n" * 2000 + "gap()\n"
    execute(text, "<gaps>")


@shape("spread")
def spread() -> None:
    """Calls over several lines, whose arguments are on lines before and after."""
    str(
        max(
            1,
            rest(
                2,
                3),
            4,
        ),
    )


@shape("handlers")
def handlers() -> None:
    """The line tables of try, except, finally and with."""
    try:
        try:
            raise KeyError
        except KeyError:
            raise ValueError from None
        finally:
            len("x")
    except ValueError:
        pass
    else:
        len("y")
    finally:
        rest()


@shape("import")
def import_() -> None:
    """A module that rests while it is imported: frozen frames of the import system."""
    folder = tempfile.mkdtemp(prefix="stallprof-target-")
    try:
        with open(os.path.join(folder, "stallprof_resting.py"), "w") as f:
            f.write("import shapes\n\nshapes.rest()\n")
        sys.path.insert(0, folder)
        importlib.import_module("stallprof_resting")
        sys.path.remove(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
