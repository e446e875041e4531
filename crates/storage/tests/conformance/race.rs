//! Many tasks that want one thing at the same moment.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Barrier;

pub(crate) const RACERS: usize = 64;

/// Runs one task per racer on all worker threads; none starts before all stand at the line.
pub(crate) async fn race<T, F>(racer: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let line = Arc::new(Barrier::new(RACERS));
    let tasks: Vec<_> = (0..RACERS)
        .map(|n| {
            let (line, run) = (Arc::clone(&line), racer(n));
            tokio::spawn(async move {
                line.wait().await;
                run.await
            })
        })
        .collect();
    let mut results = Vec::with_capacity(RACERS);
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}
