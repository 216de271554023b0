// Stalls in JavaScript functions of every kind, each with the stack that V8 itself says.
//
// For each stall one line: what it is, when, and the stack of the very place as Error would show it.
// With --wait it begins when something is written to its standard input.
'use strict';

const fs = require('fs');

const LENGTH_MS = 131, GAP_MS = 97, DEEP = 23;
const cell = new Int32Array(new SharedArrayBuffer(4));
Error.stackTraceLimit = 100;

function print(record) {
	fs.writeSync(1, JSON.stringify(record) + '\n');
}

// What V8 says of a frame; no file: V8's own code, or the text of an eval.
function describe(site) {
	return { fn: site.getFunctionName() || '', file: site.getFileName() || '', line: site.getLineNumber(),
		 evaluated: site.isEval() || !!site.getEvalOrigin() };
}

function take(kind) {
	const holder = {}, before = Error.prepareStackTrace;
	Error.prepareStackTrace = (_, sites) => sites.filter((s) => !s.isAsync()).map(describe);
	Error.captureStackTrace(holder, take);
	const stack = holder.stack;
	Error.prepareStackTrace = before;
	return { class: 'lock', kind, start_ns: Number(process.hrtime.bigint()), stack };
}

function rest(kind) {
	const truth = take(kind);
	Atomics.wait(cell, 0, 0, LENGTH_MS);
	truth.dur_ns = Number(process.hrtime.bigint()) - truth.start_ns;
	truth.stack[0].line++;
	print(truth);
	return 1;
}

function deep(n) {
	if (n > 0)
		return deep(n - 1);
	return rest('deep');
}

class Shop {
	#secret() {
		return rest('class');
	}
	get total() {
		return this.#secret();
	}
	static open() {
		return new Shop(1);
	}
	constructor(n) {
		this.n = this.total + n;
	}
}

async function later() {
	await null;
	return rest('async');
}

let blocks = false;

function leaf(n) {
	if (!blocks)
		return n + 1;
	blocks = false;
	return rest('optimised');
}

function warm(n) {
	let sum = 0;
	for (let i = 0; i < 5; i++)
		sum += n > 3 ? leaf(i) : leaf(i + 1);
	return sum;
}

function hot() {
	for (let i = 0; i < 30000; i++)
		warm(i % 5);
	blocks = true;
	return warm(1);
}

// Optimised together: V8 puts the inner two into the outer one, which calls what it cannot foresee.
const table = Array.from({ length: 8 }, (_, i) => eval(`(x) => x + ${i}`));

function inner(k) {
	return table[k & 7](3);
}

function middle(k) {
	let x = 1;
	x += inner(k);
	return x;
}

function outer(k) {
	let sum = 0;
	for (let i = 0; i < 3; i++)
		sum += middle(k + i);
	return sum;
}

function inlined() {
	const before = table[0];
	for (let i = 0; i < 1000000; i++)
		outer(i & 7);
	table[0] = () => (table[0] = before, rest('inlined'));
	return outer(0);
}

function* numbers() {
	yield rest('generator');
}

const unnamed = [(n) => n && rest('anonymous')];

const cases = [
	() => deep(DEEP),
	() => unnamed[0](1),
	() => Shop.open(),
	() => later(),
	() => [1].map((x) => rest('map') + x),
	() => [3, 1].sort((a, b) => (a > b ? rest('sort') : rest('sort')) && a - b),
	() => require('./node_part.js').call(rest),
	() => import('./node_part.mjs').then((part) => part.default(rest)),
	() => eval('1;\nrest("eval")'),
	() => new Function('rest', 'return rest("function")')(rest),
	() => [...numbers()],
	() => 'abc'.replace(/b/, () => rest('replace')),
	() => JSON.parse('[1]', (key, value) => key === '0' ? rest('parse') : value),
	() => Reflect.apply(deep, null, [0]),
	hot,
	inlined,
	inlined,
];

function next(i) {
	if (i < cases.length) {
		// The loop's clock stands still while it is stalled: one more turn first.
		Promise.resolve(cases[i]()).then(() => setTimeout(setTimeout, 1, next, GAP_MS, i + 1));
	} else {
		print({ done: true, expected: cases.length });
	}
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

print({ ready: process.pid });
if (process.argv.includes('--wait'))
	process.stdin.once('data', () => { process.stdin.destroy(); idle(89); });
else
	idle(89);
