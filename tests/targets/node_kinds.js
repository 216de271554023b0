// Stalls of a Node.js loop by what they are: system calls, children, computing.
//
// For each one line: what it is, when, and where in this file.  With --wait it begins when
// something is written to its standard input.
'use strict';

const childProcess = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const os = require('os');
const path = require('path');

const LENGTH_MS = 211, GAP_MS = 97;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'stallprof-node-'));
const fifo = path.join(folder, 'config.fifo');
const cell = new Int32Array(new SharedArrayBuffer(4));

function print(record) {
	fs.writeSync(1, JSON.stringify(record) + '\n');
}

function now() {
	return Number(process.hrtime.bigint());
}

// The line below the one that calls this.
function here() {
	const holder = {}, before = Error.prepareStackTrace;
	Error.prepareStackTrace = (_, sites) => sites[0].getLineNumber() + 1;
	Error.captureStackTrace(holder, here);
	const line = holder.stack;
	Error.prepareStackTrace = before;
	return line;
}

let line = 0;

function runChild() {
	line = here();
	childProcess.execSync('sleep 0.211');
}

function readFifo() {
	line = here();
	fs.readFileSync(fifo);
}

function waitCell() {
	line = here();
	Atomics.wait(cell, 0, 0, LENGTH_MS);
}

function spin() {
	const until = now() + LENGTH_MS * 1e6;
	let turns = 0;
	while (now() < until)
		turns++;
	return turns;
}

function count(n) {
	let sum = 0;
	for (let i = 0; i < n; i++)
		sum = (sum * 31 + i) % 1000003;
	return sum;
}

const totalLine = here();
const total = (n) => { let sum = 0; for (let i = 0; i < n; i++) sum = (sum * 31 + i) % 1000003; return sum; };

// All of what runs is on one line.
function computeInLine() {
	const until = now() + LENGTH_MS * 1e6;
	let sum = 0;
	line = totalLine;
	while (now() < until)
		sum += total(1e6);
	return sum;
}

function compute() {
	const until = now() + LENGTH_MS * 1e6;
	let sum = 0;
	while (now() < until)
		sum += count(1e6);
	return sum;
}

function derive() {
	const until = now() + LENGTH_MS * 1e6;
	while (now() < until)
		crypto.pbkdf2Sync('secret', 'salt', 20000, 32, 'sha256');
}

const text = JSON.stringify(Array.from({ length: 20000 }, (_, i) => ({ i, name: 'name ' + i })));

function parse() {
	const until = now() + LENGTH_MS * 1e6;
	while (now() < until)
		JSON.parse(text);
}

function match() {
	const until = now() + LENGTH_MS * 1e6;
	while (now() < until)
		/^(a+)+$/.test('a'.repeat(22) + 'b');
}

const cases = [
	{ run: runChild, class: 'syscall', target: 'child' },
	{ run: readFifo, class: 'syscall', target: 'fifo' },
	{ run: waitCell, class: 'lock', target: 'futex' },
	{ run: spin, class: 'cpu' },
	{ run: compute, class: 'cpu', inner: 'count' },
	{ run: computeInLine, class: 'cpu', inner: 'total' },
	{ run: derive, class: 'cpu' },
	{ run: parse, class: 'cpu' },
	{ run: match, class: 'cpu' },
];

function next(i) {
	if (i === cases.length) {
		fs.rmSync(folder, { recursive: true });
		return print({ done: true, expected: cases.length });
	}
	const one = cases[i], start = now();
	line = 0;
	one.run();
	print({ class: one.class, target: one.target, fn: one.run.name, inner: one.inner, line,
		start_ns: start, dur_ns: now() - start });
	setTimeout(setTimeout, 1, next, GAP_MS, i + 1);
}

// A loop is known by coming back to its poll, and the program's code by the first stalls in it:
// these have no truth.
function idle(times) {
	if (times % 11 === 0)
		Atomics.wait(cell, 0, 0, 61);
	if (times)
		setTimeout(idle, 31, times - 1);
	else
		setTimeout(next, GAP_MS, 0);
}

childProcess.execFileSync('mkfifo', [fifo]);
// Comes and goes as long as somebody reads.
childProcess.spawn('sh', ['-c', `sleep 1; while [ -p "$0" ]; do (sleep 0.211; echo x) > "$0"; done`, fifo],
		   { stdio: 'ignore', detached: false }).unref();
print({ ready: process.pid });
if (process.argv.includes('--wait'))
	process.stdin.once('data', () => { process.stdin.destroy(); idle(89); });
else
	idle(89);
