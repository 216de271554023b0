// sleeper.js: Node asleep for ever below JavaScript, builtins and a timer, with a worker likewise.
//
// Prints {"ready": PID}; knows nothing of stallprof.
const { Worker, isMainThread } = require('worker_threads');

function deep(n) {
  if (n) return [1].map(() => deep(n - 1))[0];
  if (isMainThread) console.log(JSON.stringify({ ready: process.pid }));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

if (isMainThread) {
  new Worker(__filename).once('online', () => setTimeout(() => deep(7), 300));
} else {
  setTimeout(() => deep(3), 10);
}
