#!/usr/bin/env python3
"""Clicks through a flame graph in a headless browser and compares what happened.

Usage: browser.py FILE.svg (the demo fixture).  Prints the differences; exit status 0 passed,
1 failed, 77 no browser.  The page drives itself: a second script is added to a copy of the file.
"""
import html
import re
import shutil
import subprocess
import sys
import tempfile

DRIVER = """<script><![CDATA[
(function () {
var log = [];
function count(s) { return document.querySelectorAll(s).length; }
function frame(name) {
  return Array.from(document.querySelectorAll('g.f')).find(function (g) {
    return g.querySelector('title').textContent.indexOf(name) === 0;
  });
}
function click(e) { e.dispatchEvent(new MouseEvent('click', { bubbles: true })); }
function key(e, k, ctrl) {
  e.dispatchEvent(new KeyboardEvent('keydown',
    { key: k, bubbles: true, cancelable: true, ctrlKey: !!ctrl }));
}
function text(id) { return document.querySelector(id).textContent; }
function focused() {
  return document.activeElement.querySelector('title').textContent.split('\\n')[0];
}
var all = count('g.f');
log.push('start: hidden ' + count('g.f.h'));
click(frame('get_user').querySelector('rect'));
log.push('zoom: hidden ' + (count('g.f.h') > 0) + ', below ' + count('g.f.up') + ', ' +
  location.hash);
log.push('zoomed name: ' + frame('get_user').querySelector('text').textContent);
key(document.documentElement, 'Escape');
log.push('reset: hidden ' + count('g.f.h') + ', below ' + count('g.f.up'));
window.prompt = function () { return 'client.py'; };
key(document.documentElement, 'f', true);
log.push('search: ' + text('#found') + ' ' + location.hash);
window.prompt = function () { return '(['; };
click(document.querySelector('#search'));
log.push('bad search: ' + count('g.f.m') + ' ' + text('#found'));
key(document.documentElement, 'Escape');
key(frame('all'), 'ArrowUp');
key(document.activeElement, 'ArrowUp');
log.push('up: ' + focused());
key(document.activeElement, 'ArrowRight');
log.push('right: ' + focused() + ', ' + text('#detail'));
key(document.activeElement, 'ArrowDown');
log.push('down: ' + focused());
var result = document.createElementNS('http://www.w3.org/2000/svg', 'desc');
result.setAttribute('id', 'result');
result.textContent = log.join('\\n');
document.documentElement.appendChild(result);
})();
]]></script>
</svg>
"""

EXPECTED = """start: hidden 0
zoom: hidden true, below 6, #z=6
zoomed name: get_user (/srv/shop/app.py:41)
reset: hidden 0, below 0
search: matched 35.7% (3 frames): client.py #s=client.py
bad search: 0 not a regular expression: ([
up: Py_BytesMain
right: [no stack], [no stack] | 784ms, 16%
down: uvicorn"""

FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run
--disable-background-networking --disable-component-update --disable-sync --dump-dom""".split()


def main():
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if not browser:
        return 77
    with open(sys.argv[1], encoding="utf-8") as file:
        page = file.read().replace("</svg>\n", DRIVER)
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/driven.svg"
        with open(path, "w", encoding="utf-8") as file:
            file.write(page)
        dom = subprocess.run(
            [browser, *FLAGS, "--user-data-dir=" + folder + "/profile", "file://" + path],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120, check=False,
        ).stdout.decode("utf-8", "replace")
    found = re.search(r'<desc id="result">(.*?)</desc>', dom, re.S)
    got = html.unescape(found.group(1)) if found else "the page did not run its script"
    for want, have in zip(EXPECTED.split("\n"), (got + "\n" * 9).split("\n")):
        if want != have:
            print(f"expected {want!r}, got {have!r}")
    return 0 if got == EXPECTED else 1


sys.exit(main())
