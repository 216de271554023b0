//! native.rs: an epoll loop in Rust whose callbacks stall below stacks of known shapes.
//!
//! native [--wait] [--count N]: each shape N times, with healthy ticks between.  --together:
//! instead each in a thread of its own, all at once, asleep for ever.  The frames are written as in
//! native.h, whose functions begin with n_, too.  Built with both ways of mangling, without frame
//! pointers.  Prints its own truth; knows nothing of stallprof.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

// --- the few calls of libc that std does not offer

#[repr(C, packed)]
#[derive(Clone, Copy)]
struct Event {
    events: u32,
    data: u64,
}

#[repr(C)]
#[derive(Default)]
struct Timespec {
    sec: i64,
    nsec: i64,
}

extern "C" {
    fn epoll_create1(flags: i32) -> i32;
    fn epoll_ctl(epoll: i32, op: i32, fd: i32, event: *mut Event) -> i32;
    fn epoll_wait(epoll: i32, events: *mut Event, room: i32, timeout: i32) -> i32;
    fn timerfd_create(clock: i32, flags: i32) -> i32;
    fn timerfd_settime(fd: i32, flags: i32, new: *const [Timespec; 2], old: *mut c_void) -> i32;
    fn read(fd: i32, to: *mut c_void, len: usize) -> isize;
    fn clock_gettime(clock: i32, ret: *mut Timespec) -> i32;
    fn qsort(base: *mut i32, n: usize, size: usize, less: extern "C" fn(&i32, &i32) -> i32);
}

const EPOLLIN: u32 = 1;
const EPOLL_CTL_ADD: i32 = 1;
const CLOCK_MONOTONIC: i32 = 1;
const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
const TICKS_BETWEEN: u64 = 3;

fn clock_ns(clock: i32) -> u64 {
    let mut t = Timespec::default();
    unsafe { clock_gettime(clock, &mut t) };
    t.sec as u64 * 1_000_000_000 + t.nsec as u64
}

// --- shapes

static REST_MS: AtomicU64 = AtomicU64::new(83);

#[inline(never)]
fn n_rest() {
    std::thread::sleep(Duration::from_millis(REST_MS.load(Ordering::Relaxed)));
    black_box(());
}

#[inline(never)]
fn n_recurse(n: u32) -> u32 {
    if n > 1 {
        return black_box(n_recurse(n - 1)) + 1;
    }
    n_rest();
    black_box(n)
}

fn n_shape_recurse() {
    black_box(n_recurse(black_box(11)));
}

trait Visit {
    fn n_visit(&self, n: u32) -> u32;
}

struct Leaf;
struct Chain<T: Visit>(T, Box<dyn Visit>);

impl Visit for Leaf {
    #[inline(never)]
    fn n_visit(&self, n: u32) -> u32 {
        n_rest();
        black_box(n)
    }
}

impl<T: Visit> Visit for Chain<T> {
    #[inline(never)]
    fn n_visit(&self, n: u32) -> u32 {
        let next: &dyn Visit = if n > 0 { &self.0 } else { &*self.1 };
        black_box(black_box(next).n_visit(n)) + 1
    }
}

fn n_shape_dyn() {
    let chain = Chain(Chain(Chain(Leaf, Box::new(Leaf)), Box::new(Leaf)), Box::new(Leaf));
    black_box(chain.n_visit(black_box(1)));
}

#[inline(never)]
fn n_apply<F: FnMut(u32) -> u32>(mut f: F, n: u32) -> u32 {
    black_box(f(black_box(n))) + 1
}

fn n_shape_closure() {
    let mut sum = 0;
    black_box(n_apply(
        |n| {
            sum += n;
            n_apply(
                |m| {
                    n_rest();
                    black_box(m)
                },
                n,
            )
        },
        7,
    ));
    black_box(sum);
}

extern "C" fn n_compare(a: &i32, b: &i32) -> i32 {
    if *a == 3 || *b == 3 {
        if black_box(*a) != 0 && unsafe { !RESTED } {
            unsafe { RESTED = true };
            n_rest();
        }
    }
    black_box(a - b)
}

static mut RESTED: bool = false;

fn n_shape_callback() {
    let mut numbers = [7, 3, 11, 2, 5, 13];
    unsafe {
        RESTED = false;
        qsort(numbers.as_mut_ptr(), numbers.len(), 4, n_compare);
    }
    black_box(numbers);
}

fn n_shape_map() {
    let mut map: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for i in 0..7u32 {
        map.entry(format!("k{}", i % 3)).or_default().push(i);
    }
    let total: u32 = map
        .iter()
        .map(|(_, v)| v.iter().map(|x| if *x == 4 { n_recurse(black_box(2)) } else { *x }).sum::<u32>())
        .sum();
    black_box(total);
}

struct Rests;

impl Drop for Rests {
    #[inline(never)]
    fn drop(&mut self) {
        n_rest();
        black_box(());
    }
}

#[inline(never)]
fn n_panic(n: u32) -> u32 {
    if n > 1 {
        return black_box(n_panic(n - 1)) + 1;
    }
    std::panic::resume_unwind(Box::new(n))
}

#[inline(never)]
fn n_with_rests(n: u32) -> u32 {
    let _rests = Rests;
    black_box(n_panic(black_box(n))) + 1
}

fn n_shape_unwind() {
    let _ = black_box(catch_unwind(AssertUnwindSafe(|| n_with_rests(black_box(3)))));
}

#[inline(never)]
fn n_big(n: u32) -> u32 {
    let mut room = [0u8; 40_000];
    black_box(&mut room)[n as usize] = 1;
    n_rest();
    black_box(&room)[3] as u32
}

fn n_shape_big() {
    black_box(n_big(black_box(5)));
}

struct Shape(&'static str, fn(), &'static [&'static str]);

const SHAPES: &[Shape] = &[
    Shape("recurse", n_shape_recurse, &["n_rest", "n_recurse", "n_recurse", "n_recurse",
        "n_recurse", "n_recurse", "n_recurse", "n_recurse", "n_recurse", "n_recurse", "n_recurse",
        "n_recurse", "n_shape_recurse"]),
    Shape("dyn", n_shape_dyn, &["n_rest", "n_visit", "n_visit", "n_visit", "n_visit",
        "n_shape_dyn"]),
    Shape("closure", n_shape_closure, &["n_rest", "?{closure}", "n_apply", "?{closure}", "n_apply",
        "n_shape_closure"]),
    Shape("callback", n_shape_callback, &["n_rest", "n_compare", "~", "n_shape_callback"]),
    Shape("map", n_shape_map, &["n_rest", "n_recurse", "n_recurse", "~", "?{closure}", "~",
        "?{closure}", "~", "n_shape_map"]),
    Shape("unwind", n_shape_unwind, &["n_rest", "drop", "~", "n_with_rests", "~", "?{closure}",
        "~", "n_shape_unwind"]),
    Shape("big", n_shape_big, &["n_rest", "n_big", "n_shape_big"]),
];

// --- the loop

#[inline(never)]
fn n_run(shape: &Shape) {
    let (start, cpu) = (clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_THREAD_CPUTIME_ID));
    (shape.1)();
    let (end, cpu) = (clock_ns(CLOCK_MONOTONIC), clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu);
    let mut frames: Vec<&str> = shape.2.to_vec();
    frames.extend(["n_run", "n_loop", "main"]);
    println!(
        "{{\"class\": \"syscall\", \"kind\": \"{}\", \"syscall\": \"clock_nanosleep\", \"target\": {{}}, \
         \"stack\": {:?}, \"func\": \"n_rest\", \"cpu_ns\": {}, \"start_ns\": {}, \"dur_ns\": {}, \
         \"tid\": {}}}",
        shape.0, frames, cpu, start, end - start, std::process::id()
    );
    black_box(());
}

fn watch(epoll: i32, fd: i32) {
    let mut event = Event { events: EPOLLIN, data: fd as u64 };
    assert_eq!(unsafe { epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &mut event) }, 0);
}

#[inline(never)]
fn n_loop<'a>(epoll: i32, timer: i32, mut wait: bool, mut next: impl Iterator<Item = &'a Shape>) {
    let (mut ticks, mut expired) = (0u64, 0u64);
    loop {
        let mut event = Event { events: 0, data: 0 };
        if unsafe { epoll_wait(epoll, &mut event, 1, -1) } != 1 {
            continue;
        }
        if event.data == 0 {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line).expect("stdin");
            unsafe { epoll_ctl(epoll, 2, 0, &mut event) };
            wait = false;
            continue;
        }
        unsafe { read(timer, &mut expired as *mut u64 as *mut c_void, 8) };
        ticks += 1;
        if !wait && ticks % TICKS_BETWEEN == 0 {
            match next.next() {
                Some(shape) => n_run(shape),
                None => return,
            }
        }
    }
}

fn rest_together() -> ! {
    REST_MS.store(100_000_000, Ordering::Relaxed);
    for shape in SHAPES {
        std::thread::spawn(shape.1);
        std::thread::sleep(Duration::from_millis(23));
    }
    println!("{{\"ready\": {}}}", std::process::id());
    loop {
        std::thread::park();
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let at = args.iter().position(|a| a == "--count");
    let count: usize = at.and_then(|i| args.get(i + 1)).map_or(1, |n| n.parse().expect("number"));
    if args.iter().any(|a| a == "--together") {
        rest_together();
    }
    let wait = args.iter().any(|a| a == "--wait");
    let (epoll, timer) = unsafe { (epoll_create1(0), timerfd_create(CLOCK_MONOTONIC, 0)) };
    let every = || Timespec { sec: 0, nsec: 5_000_000 };
    unsafe { timerfd_settime(timer, 0, &[every(), every()], std::ptr::null_mut()) };
    watch(epoll, timer);
    if wait {
        watch(epoll, 0);
    }
    println!("{{\"ready\": {}}}", std::process::id());
    std::io::stdout().flush().expect("stdout");
    n_loop(epoll, timer, wait, (0..count).flat_map(|_| SHAPES.iter()));
    println!(
        "{{\"done\": true, \"expected\": {}, \"pid\": {}}}",
        count * SHAPES.len(),
        std::process::id()
    );
}
