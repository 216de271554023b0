// busy.js: a Node loop that is busy for tens of milliseconds at a time, in V8, in C++ and in OpenSSL.
//
//   node busy.js SECONDS      prints {"ready": PID}, begins at a line on stdin; knows nothing of stallprof.
const crypto = require('crypto');
const zlib = require('zlib');

const text = JSON.stringify([...Array(2000).keys()].map((n) => ({ n, name: 'item ' + n })));

function fib(n) {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

const work = [
  () => fib(24),
  () => JSON.parse(text).map((x) => x.name).sort().join(),
  () => zlib.deflateSync(text, { level: 9 }),
  () => crypto.createHash('sha256').update(text.repeat(20)).digest('hex'),
  () => text.replace(/(\w+) (\d+)/g, (_, a, b) => b + a).length,
  () => crypto.pbkdf2Sync('secret', 'salt', 3000, 32, 'sha512'),
  () => [...Array(3000).keys()].map((n) => [n, { n }]).reduce((m, [k, v]) => m.set(k, v), new Map()),
];

let until = 0;
let turn = 0;
function again() {
  until = until || Date.now() + Number(process.argv[2]) * 1000;
  for (let i = 0; i < 23; i++) work[turn++ % work.length]();
  if (Date.now() < until) setTimeout(again, 1);
  else process.exit();
}
console.log(JSON.stringify({ ready: process.pid }));
process.stdin.once('data', again);
