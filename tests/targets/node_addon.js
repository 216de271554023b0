// Stalls in C code of libraries that were opened in that moment: node_addon.js [--wait] LIBRARY...
//
// Each library waits while it is opened.  For each one line: when, and the stack of the very place
// as V8 itself says it.
'use strict';

const fs = require('fs');

const GAP_MS = 97;

function print(record) {
	fs.writeSync(1, JSON.stringify(record) + '\n');
}

function describe(site) {
	return { fn: site.getFunctionName() || '', file: site.getFileName() || '',
		 line: site.getLineNumber(), evaluated: false };
}

function take() {
	const holder = {}, before = Error.prepareStackTrace;
	Error.prepareStackTrace = (_, sites) => sites.map(describe);
	Error.captureStackTrace(holder, take);
	const stack = holder.stack;
	Error.prepareStackTrace = before;
	return { class: 'syscall', kind: 'addon', start_ns: Number(process.hrtime.bigint()), stack };
}

function load(path) {
	const truth = take();
	try { process.dlopen({ exports: {} }, path); } catch { /* it is no addon */ }
	truth.dur_ns = Number(process.hrtime.bigint()) - truth.start_ns;
	truth.stack[0].line++;
	print(truth);
}

function outer(path) {
	[path].forEach(load);
}

const libraries = process.argv.slice(2).filter((arg) => arg !== '--wait');

function next() {
	const path = libraries.shift();
	if (path) {
		outer(path);
		setTimeout(next, GAP_MS);
		return;
	}
	print({ done: true, expected: process.argv.length - 2 - process.argv.includes('--wait') });
	setTimeout(() => {}, 5 * GAP_MS); // names are found while it lives
}

print({ ready: process.pid });
if (process.argv.includes('--wait'))
	process.stdin.once('data', () => { process.stdin.destroy(); setTimeout(next, GAP_MS); });
else
	setTimeout(next, GAP_MS);
