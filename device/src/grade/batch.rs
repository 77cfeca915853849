//! Many jobs on all cores, results in order, memory bounded.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

use rayon::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};

/// Builds the threads of a batch: `threads` of them, or one per core.
///
/// # Errors
/// When the system gives no such threads.
pub fn threads(threads: Option<usize>) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .thread_name(|i| format!("grade-{i}"))
        .build()
}

/// Runs `job` for every number below `count` and hands the results to `each`
/// in that order, each as soon as it and all before it are done.
///
/// Every thread of `pool` works on one job at a time and takes the lowest
/// number not yet taken, so that at most one photograph per thread is in
/// memory; only finished results wait, and they are small. `each` runs on the
/// calling thread; when it breaks, no further job is begun.
pub fn in_order<T: Send>(
    pool: &ThreadPool,
    count: usize,
    job: impl Fn(usize) -> T + Sync,
    mut each: impl FnMut(T) -> ControlFlow<()>,
) {
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let (done, results) = mpsc::channel();
    pool.in_place_scope(|scope| {
        let (next, stop, job) = (&next, &stop, &job);
        // The threads own `done`: should a job panic, the channel closes, the
        // loop below ends, and the scope passes the panic on.
        scope.spawn_broadcast(move |_, _| {
            while !stop.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count || done.send((number, job(number))).is_err() {
                    return;
                }
            }
        });
        let mut waiting = BTreeMap::new();
        let mut due = 0;
        for (number, result) in results {
            waiting.insert(number, result);
            while let Some(result) = waiting.remove(&due) {
                due += 1;
                if each(result).is_break() {
                    stop.store(true, Ordering::Relaxed);
                    return;
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn results_come_in_order_and_few_are_in_flight() {
        let pool = threads(Some(3)).unwrap();
        let (flying, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let mut seen = Vec::new();
        in_order(
            &pool,
            50,
            |i| {
                let now = flying.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(if i % 7 == 0 { 9 } else { 1 }));
                flying.fetch_sub(1, Ordering::SeqCst);
                i
            },
            |i| {
                seen.push(i);
                ControlFlow::Continue(())
            },
        );
        assert_eq!(seen, (0..50).collect::<Vec<_>>());
        assert!((2..=3).contains(&most.load(Ordering::SeqCst)));
    }

    #[test]
    fn breaking_ends_the_batch() {
        let pool = threads(Some(2)).unwrap();
        let begun = AtomicUsize::new(0);
        let mut seen = 0;
        in_order(
            &pool,
            1_000,
            |_| {
                std::thread::sleep(Duration::from_millis(1));
                begun.fetch_add(1, Ordering::SeqCst)
            },
            |_| {
                seen += 1;
                if seen == 5 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        );
        assert_eq!(seen, 5);
        assert!(begun.load(Ordering::SeqCst) < 100);
    }

    #[test]
    fn an_empty_batch_ends() {
        let pool = threads(None).unwrap();
        in_order(&pool, 0, |i| i, |_| ControlFlow::Break(()));
    }

    #[test]
    #[should_panic(expected = "job 3")]
    fn a_panic_is_passed_on_instead_of_hanging() {
        let pool = threads(Some(2)).unwrap();
        in_order(
            &pool,
            20,
            |i| assert!(i != 3, "job {i}"),
            |()| ControlFlow::Continue(()),
        );
    }
}
