//! The short-lived store on Redis (6.2 or later, or Valkey): one server, a Cluster, or behind Sentinel.
//!
//! Here the caller's clock decides when an entry ends, as in every backend: its end is stored before its
//! value, and each command compares. Redis' own expiry only cleans up.

mod address;
mod connect;
mod fault;
mod link;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use nixa_protocol::Timestamp;
use nixa_storage::{ShortLived, StorageError};
use redis::{Cmd, ErrorKind, FromRedisValue, Script, ServerErrorKind, cmd};

use crate::address::Address;
use crate::connect::Source;
use crate::fault::Fault;
use crate::link::Link;

type Result<T> = std::result::Result<T, StorageError>;

/// How long Redis keeps an entry beyond its end. Redis counts from when the command arrives: without this,
/// an instance whose clock is behind would find a replay mark gone that for it has not ended.
const KEPT: Duration = Duration::from_secs(10);

/// Redis refuses an expiry that overflows; nothing short-lived is near a hundred years.
const LONGEST: i64 = 100 * 366 * 24 * 60 * 60;

const PUT_NEW: &str = "
    local held = redis.call('GETRANGE', KEYS[1], 0, 7)
    if #held > 0 and struct.unpack('>i8', held) > tonumber(ARGV[1]) then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return 1";
const REPLACE: &str = "
    local held = redis.call('GET', KEYS[1])
    if not held or struct.unpack('>i8', held) <= tonumber(ARGV[1]) then return 0 end
    if string.sub(held, 9) ~= ARGV[4] then return 0 end
    redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
    return 1";

const COUNT: &str = "
    local count = redis.call('INCR', KEYS[1])
    if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
    return count";

/// How a [`RedisShortLived`] uses its servers.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// Before every key, so that a broker and an identity provider can share a server: ASCII letters,
    /// digits, `-` and `_`.
    pub namespace: String,
    /// How long a call may take, connecting included.
    pub timeout: Duration,
}

impl RedisOptions {
    /// A namespace, and two seconds for a call.
    #[must_use]
    pub fn new(namespace: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), timeout: Duration::from_secs(2) }
    }
}

/// The short-lived store for many instances, on Redis.
///
/// The URL says which servers, and how they stand together:
///
/// - `redis://[user:password@]host[:port][/db]`: one server;
/// - `redis-cluster://[user:password@]host[:port],host[:port],…`: a Cluster; the hosts are those of its nodes
///   that are asked for the others;
/// - `redis-sentinel://[user:password@]host[:port],…/service[/db]`: the master of a service that Sentinel
///   watches, also after a failover; the hosts are the sentinels, the user is one of the master's. Sentinels
///   with a password: `?sentinel-user=…&sentinel-password=…`;
/// - with `rediss` for `redis`: the same over TLS. `?ca=/path/ca.pem` names the roots to trust in place of the
///   system's. The servers' certificates bear the names or addresses that a Cluster and Sentinel announce.
///
/// Special characters of user, password, service and values are percent-encoded. Without a port it is 6379,
/// for sentinels 26379.
///
/// Keys are `namespace:key` and `namespace.ping`. What the user has to be allowed to, as an ACL:
/// `~namespace:* ~namespace.ping +@string +@scripting +@connection +del`, in a Cluster `+cluster|slots`, behind
/// Sentinel `+role`.
///
/// Each method is one command or one script on one key, so of many callers one wins. It is sent once: when no
/// answer comes, the caller gets [`StorageError::TooSlow`] or [`StorageError::Unavailable`], must take nothing for granted, and may try again
/// (a `take` that had happened then gives nothing, a `put_new` or `replace` gives `false`: it refuses, which is
/// safe). Redis replicates after it answered: a failover can bring back what was taken within the last moment,
/// or lose what was put. Servers that hold marks against replay should have `min-replicas-to-write 1` and
/// `maxmemory-policy noeviction`.
pub struct RedisShortLived {
    link: Link,
    namespace: String,
    put_new: Script,
    replace: Script,
    count: Script,
}

impl RedisShortLived {
    /// Prepares a store. Nothing is connected yet: a server that is away does not keep this process from
    /// starting, and [`ping`](ShortLived::ping) tells when it is there.
    ///
    /// With a `rediss` URL, the process must have installed a default provider of cryptography for rustls.
    ///
    /// # Errors
    /// [`StorageError::Settings`] when the URL or the options cannot be used. It repeats nothing of them.
    pub fn open(url: &str, options: RedisOptions) -> Result<Self> {
        let RedisOptions { namespace, timeout } = options;
        // With another character, `a` with the key `b:c` and `a:b` with the key `c` would be the same.
        if namespace.is_empty() || !namespace.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
            return Err(StorageError::Settings("a namespace is of ASCII letters, digits, `-` and `_`"));
        }
        if timeout.is_zero() {
            return Err(StorageError::Settings("the timeout is zero"));
        }
        let address = Address::parse(url).map_err(StorageError::Settings)?;
        let source = Source::new(address, timeout)
            .map_err(|_| StorageError::Settings("the URL, or a certificate that it names, cannot be used"))?;
        let link = Link::new(source, timeout);
        Ok(Self {
            link,
            namespace,
            put_new: Script::new(PUT_NEW),
            replace: Script::new(REPLACE),
            count: Script::new(COUNT),
        })
    }

    fn key(&self, key: &str) -> String {
        format!("{}:{key}", self.namespace)
    }

    async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T> {
        Ok(self.link.with(|mut connection| async move { connection.send(command).await }).await?)
    }

    /// Runs a script, sending only its hash where the server knows it. One that does not know it has executed
    /// nothing.
    async fn decide<T: FromRedisValue>(
        &self,
        script: &Script,
        code: &str,
        arguments: &[&[u8]],
        key: &str,
    ) -> Result<T> {
        let call = |how: &str, what: &str| cmd(how).arg(what).arg(1).arg(self.key(key)).arg(arguments).take();
        let known = call("EVALSHA", script.get_hash());
        let decided = self.link.with(|mut connection| async move {
            match connection.send(&known).await {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::NoScript) => {
                    connection.send(&call("EVAL", code)).await
                }
                decided => decided,
            }
        });
        Ok(decided.await?)
    }
}

impl fmt::Debug for RedisShortLived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisShortLived").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// An entry as it is stored: its end, eight bytes big-endian, and its value.
fn entry(value: &[u8], expires: Timestamp) -> Vec<u8> {
    [&expires.0.to_be_bytes(), value].concat()
}

/// The value of an entry that has not ended.
fn value(stored: Option<Vec<u8>>, now: Timestamp) -> Result<Option<Vec<u8>>> {
    let Some(mut stored) = stored else { return Ok(None) };
    let Some(expires) = stored.first_chunk().copied().map(i64::from_be_bytes) else {
        return Err(Fault::Foreign.into());
    };
    Ok((expires > now.0).then(|| stored.split_off(size_of::<i64>())))
}

/// After how many milliseconds Redis may forget an entry.
fn kept(expires: Timestamp, now: Timestamp) -> u64 {
    let seconds = expires.0.saturating_sub(now.0).clamp(0, LONGEST).unsigned_abs();
    (KEPT.as_secs() + seconds) * 1000
}

#[async_trait]
impl ShortLived for RedisShortLived {
    async fn put(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Result<()> {
        let entry = entry(value, expires);
        self.ask(cmd("SET").arg(self.key(key)).arg(entry).arg("PX").arg(kept(expires, now))).await
    }

    async fn put_new(&self, key: &str, value: &[u8], expires: Timestamp, now: Timestamp) -> Result<bool> {
        let (now_text, kept) = (now.0.to_string(), kept(expires, now).to_string());
        let arguments = [now_text.as_bytes(), &entry(value, expires), kept.as_bytes()];
        self.decide(&self.put_new, PUT_NEW, &arguments, key).await
    }

    async fn get(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>> {
        value(self.ask(cmd("GET").arg(self.key(key))).await?, now)
    }

    async fn take(&self, key: &str, now: Timestamp) -> Result<Option<Vec<u8>>> {
        value(self.ask(cmd("GETDEL").arg(self.key(key))).await?, now)
    }

    async fn replace(&self, key: &str, old: &[u8], new: &[u8], expires: Timestamp, now: Timestamp) -> Result<bool> {
        let (now_text, kept) = (now.0.to_string(), kept(expires, now).to_string());
        let arguments = [now_text.as_bytes(), &entry(new, expires), kept.as_bytes(), old];
        self.decide(&self.replace, REPLACE, &arguments, key).await
    }

    async fn count(&self, key: &str, expires: Timestamp, now: Timestamp) -> Result<u64> {
        let kept = kept(expires, now).to_string();
        self.decide(&self.count, COUNT, &[kept.as_bytes()], &format!("#{key}")).await
    }

    async fn delete(&self, key: &str) -> Result<()> {
        self.ask::<()>(cmd("DEL").arg(self.key(key))).await
    }

    /// Nothing: Redis forgets what has ended.
    async fn sweep(&self, _now: Timestamp) -> Result<()> {
        Ok(())
    }

    /// Writes, because a server that is full, has become a replica or serves no slots still answers a PING.
    /// Of a Cluster it asks one node.
    async fn ping(&self) -> Result<()> {
        let key = format!("{}.ping", self.namespace);
        self.ask(cmd("SET").arg(key).arg("").arg("PX").arg(1000)).await
    }
}
