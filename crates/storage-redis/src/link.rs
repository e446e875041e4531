//! The one connection of a store: opened when it is needed, replaced when it is lost.
//!
//! The library's own manager is not used: it tries several times before it reports that a server is away,
//! which makes every login wait, and it stays with the server that sentinels named first.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use redis::{ErrorKind, RedisError, RedisResult, ServerErrorKind};
use tokio::time::{sleep, timeout};

use crate::connect::{Connection, Source};
use crate::fault::Fault;

/// An attempt that failed is the answer to everyone who asks within this time, so that a server that comes up
/// is not met by a connection attempt for each waiting login.
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Link(Arc<Inner>);

struct Inner {
    source: Arc<Source>,
    timeout: Duration,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    live: Option<Live>,
    attempt: Option<Attempt>,
    attempts: u64,
}

/// An open connection and the number of the attempt that opened it.
#[derive(Clone)]
struct Live {
    number: u64,
    connection: Connection,
}

type Attempt = Shared<BoxFuture<'static, Result<Live, Fault>>>;

impl Link {
    pub(crate) fn new(source: Source, timeout: Duration) -> Self {
        Self(Arc::new(Inner { source: Arc::new(source), timeout, slot: Mutex::default() }))
    }

    /// Does some work on the connection, which is opened first where there is none. All of it has to end
    /// within the timeout.
    pub(crate) async fn with<T, F>(&self, work: impl FnOnce(Connection) -> F) -> Result<T, Fault>
    where
        F: Future<Output = RedisResult<T>>,
    {
        let mut used = None;
        let outcome = timeout(self.0.timeout, async {
            let live = self.live().await?;
            used = Some(live.number);
            Ok::<_, Fault>(work(live.connection).await)
        })
        .await;
        let fault = match outcome {
            Ok(Ok(Ok(value))) => return Ok(value),
            Ok(Ok(Err(error))) if is_answer(&error) => return Err(error.into()),
            Ok(Ok(Err(error))) => error.into(),
            Ok(Err(fault)) => fault,
            Err(_elapsed) => Fault::Late,
        };
        if let Some(number) = used {
            self.0.mistrust(number);
        }
        Err(fault)
    }

    async fn live(&self) -> Result<Live, Fault> {
        let attempt = {
            let mut slot = self.0.slot();
            if let Some(live) = &slot.live {
                return Ok(live.clone());
            }
            self.0.attempt(&mut slot)
        };
        attempt.await
    }
}

impl Inner {
    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attempt that is under way, or a new one. It is a task of its own: a caller that gives up leaves it
    /// to the others.
    fn attempt(self: &Arc<Self>, slot: &mut Slot) -> Attempt {
        if let Some(attempt) = &slot.attempt {
            return attempt.clone();
        }
        slot.attempts += 1;
        let attempt = Arc::clone(self).open(slot.attempts).boxed().shared();
        tokio::spawn(attempt.clone());
        slot.attempt = Some(attempt.clone());
        attempt
    }

    async fn open(self: Arc<Self>, number: u64) -> Result<Live, Fault> {
        let weak = Arc::downgrade(&self);
        let lost = move || {
            if let Some(inner) = weak.upgrade() {
                inner.mistrust(number);
            }
        };
        // Sentinels are asked before their master is: twice the time that one command has.
        let opened = match timeout(self.timeout * 2, self.source.connect(lost)).await {
            Ok(Ok(connection)) => Ok(Live { number, connection }),
            Ok(Err(error)) => Err(error.into()),
            Err(_elapsed) => Err(Fault::Late),
        };
        if opened.is_err() {
            sleep(PAUSE).await;
        }
        let mut slot = self.slot();
        slot.attempt = None;
        slot.live = opened.as_ref().ok().cloned();
        opened
    }

    /// Something is wrong with a connection. To one server: it is not used again. To a cluster, where the
    /// other nodes may be well: it serves until another one, which asks afresh who is there, has been opened
    /// or has failed.
    fn mistrust(self: &Arc<Self>, number: u64) {
        let mut slot = self.slot();
        match &slot.live {
            Some(live) if live.number != number => {}
            Some(live) if live.connection.heals() => drop(self.attempt(&mut slot)),
            _ => slot.live = None,
        }
    }
}

/// Whether a server answered, if only to refuse; its connection is as good as before. One that has become a
/// replica is not the right one any more.
fn is_answer(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => kind != ServerErrorKind::ReadOnly,
        ErrorKind::Extension => true,
        _ => false,
    }
}
