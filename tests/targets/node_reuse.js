// Functions that are compiled, called, dropped and collected all the time, so that a new one often lies
// where another did; all of them are alike but for their names.
//
// Each stall is below a chain of functions made for it, and its line says their names and lines,
// innermost first.
// With --wait it begins when something is written to its standard input.
'use strict';

const fs = require('fs');
const v8 = require('v8');
const vm = require('vm');

const LENGTH_MS = 61, GAP_MS = 37, STALLS = 23, DEPTH = 61, OTHERS = 401, KEPT = 1601, COLLECTIONS = 5;
const cell = new Int32Array(new SharedArrayBuffer(4));
let count = 0, others = [];

v8.setFlagsFromString('--expose-gc');
v8.setFlagsFromString('--no-compilation-cache');
const collect = vm.runInNewContext('gc');

function print(record) {
	fs.writeSync(1, JSON.stringify(record) + '\n');
}

// The texts are of one length, too.
function make() {
	const line = count % 7, name = 'made_' + String(count++).padStart(7, '0');
	const blanks = '\n'.repeat(line) + ' '.repeat(7 - line);
	const made = eval(`(function ${name}(chain, i) { ${blanks} return i ? chain[i - 1](chain, i - 1) : rest(chain); })`);
	made.line = line + 1;
	return made;
}

function rest(chain) {
	const truth = { class: 'lock', stack: chain.map((f) => [f.name, f.line]),
			start_ns: Number(process.hrtime.bigint()) };
	Atomics.wait(cell, 0, 0, LENGTH_MS);
	truth.dur_ns = Number(process.hrtime.bigint()) - truth.start_ns;
	print(truth);
}

function stall() {
	const chain = [];
	for (let i = 0; i < DEPTH; i++) {
		chain.push(make());
		for (let k = 0; k < OTHERS / DEPTH; k++)
			others.push(make());
	}
	chain[DEPTH - 1](chain, DEPTH - 1);
}

// Every other one is dropped: what comes then has to fill holes.
function churn() {
	others = others.filter((_, i) => i & 1).slice(-KEPT);
	for (let i = 0; i < COLLECTIONS; i++)
		collect();
	for (let i = 0; i < OTHERS; i++) {
		others.push(make());
		others[others.length - 1]([() => 1], 1);
	}
}

function next(i) {
	if (i === STALLS) {
		print({ done: true, expected: STALLS });
		setTimeout(() => process.exit(0), 2000);
		return;
	}
	stall();
	churn();
	setTimeout(next, GAP_MS, i + 1);
}

// A loop is known by coming back to its poll; these stalls have no truth.
function idle(times) {
	if (times % 11 === 0)
		Atomics.wait(cell, 0, 0, LENGTH_MS);
	if (times)
		setTimeout(idle, 31, times - 1);
	else
		next(0);
}

print({ ready: process.pid });
if (process.argv.includes('--wait'))
	process.stdin.once('data', () => { process.stdin.destroy(); idle(89); });
else
	idle(89);
