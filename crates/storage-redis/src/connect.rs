//! Connections to one server, to the master that sentinels name, or to a cluster.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::io::tcp::{TcpSettings, socket2::TcpKeepalive};
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, FromRedisValue, IntoConnectionInfo, ProtocolVersion,
    PushInfo, PushKind, RedisConnectionInfo, RedisError, RedisResult, ServerErrorKind, TlsCertificates,
};
use tokio::time::sleep;

use crate::address::{Address, Credentials, Topology};

/// How long to wait before a command that a cluster's node did not accept is sent to the right one, time by
/// time, milliseconds. Right after a failover, nodes disagree for a moment about who that is.
const REDIRECTIONS: [u64; 4] = [0, 20, 100, 400];

/// Opens connections to one address.
pub(crate) struct Source {
    address: Arc<Address>,
    timeout: Duration,
}

/// An open connection, shared by everyone who clones it.
#[derive(Clone)]
pub(crate) enum Connection {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection, Arc<Source>),
}

impl Source {
    /// Refuses what no connection can be made of.
    pub(crate) fn new(address: Address, timeout: Duration) -> RedisResult<Self> {
        let source = Self { address: Arc::new(address), timeout };
        match source.address.topology {
            Topology::Single => source.server().map(drop),
            Topology::Cluster => source.cluster().map(drop),
            Topology::Sentinel { .. } => source.sentinels().map(drop),
        }?;
        Ok(source)
    }

    /// Opens a connection. `lost` is called when the server closes it, also while nobody uses it.
    pub(crate) async fn connect(self: &Arc<Self>, lost: impl Fn() + Send + Sync + 'static) -> RedisResult<Connection> {
        let client = match self.address.topology {
            Topology::Cluster => {
                let cluster = self.cluster()?.get_async_connection().await?;
                return Ok(Connection::Cluster(cluster, Arc::clone(self)));
            }
            Topology::Single => self.server()?,
            // Asked anew each time: after a failover they name another master. The library asks that one
            // for its role, because a sentinel may not have heard of the failover yet.
            Topology::Sentinel { .. } => self.sentinels()?.async_get_client().await?,
        };
        let config = self.connection_config().set_push_sender(move |push: PushInfo| {
            if push.kind == PushKind::Disconnection {
                lost();
            }
            Ok::<(), std::convert::Infallible>(())
        });
        client.get_multiplexed_async_connection_with_config(&config).await.map(Connection::Server)
    }

    /// The caller has a timeout around connecting, sending and waiting; a second clock on each answer would
    /// only make the first one's meaning unclear.
    fn connection_config(&self) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new().set_connection_timeout(Some(self.timeout)).set_response_timeout(None)
    }

    fn server(&self) -> RedisResult<Client> {
        let (host, port) = self.address.hosts.first().ok_or((ErrorKind::InvalidClientConfig, "no host"))?;
        self.client(host, *port)
    }

    fn client(&self, host: &str, port: u16) -> RedisResult<Client> {
        let info = self
            .server_address(host, port)
            .into_connection_info()?
            .set_tcp_settings(self.tcp_settings())
            .set_redis_settings(self.settings());
        match self.certificates() {
            Some(certificates) => Client::build_with_tls(info, certificates),
            None => Client::open(info),
        }
    }

    fn cluster(&self) -> RedisResult<ClusterClient> {
        let nodes: RedisResult<Vec<_>> = self
            .address
            .hosts
            .iter()
            .map(|(host, port)| self.client(host, *port).map(|client| client.get_connection_info().clone()))
            .collect();
        let mut builder = ClusterClientBuilder::new(nodes?)
            // By default the library sends a command again whose answer it did not get, up to 16 times. It
            // may have been executed: a replacement could be made twice, with another one in between undone.
            // What a node refused to execute is sent on by `Connection::send`.
            .retries(0)
            .use_protocol(ProtocolVersion::RESP3)
            .tcp_settings(self.tcp_settings())
            // While one node is silent, the library looks for it before it serves the others.
            .connection_timeout(self.timeout / 4)
            .response_timeout(self.timeout);
        if let Some(certificates) = self.certificates() {
            builder = builder.certs(certificates);
        }
        builder.build()
    }

    fn sentinels(&self) -> RedisResult<SentinelClient> {
        let Topology::Sentinel { service, credentials } = &self.address.topology else {
            return Err((ErrorKind::InvalidClientConfig, "no sentinels").into());
        };
        let sentinels = self.address.hosts.iter().map(|(host, port)| self.server_address(host, *port));
        let mut builder = SentinelClientBuilder::new(sentinels, service, SentinelServerType::Master)?
            .set_client_to_redis_protocol(ProtocolVersion::RESP3)
            .set_client_to_redis_db(self.address.db)
            .set_client_to_redis_tcp_settings(self.tcp_settings())
            .set_client_to_sentinel_tcp_settings(self.tcp_settings());
        let Credentials { user, password } = &self.address.credentials;
        if let Some(user) = user {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = password {
            builder = builder.set_client_to_redis_password(password);
        }
        if let Some(user) = &credentials.user {
            builder = builder.set_client_to_sentinel_username(user);
        }
        if let Some(password) = &credentials.password {
            builder = builder.set_client_to_sentinel_password(password);
        }
        if self.address.tls.is_some() {
            builder = builder.set_client_to_redis_tls_mode(redis::TlsMode::Secure);
        }
        if let Some(certificates) = self.certificates() {
            builder = builder
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_certificates(certificates);
        }
        builder.build()
    }

    fn server_address(&self, host: &str, port: u16) -> ConnectionAddr {
        match self.address.tls {
            None => ConnectionAddr::Tcp(host.to_owned(), port),
            Some(_) => ConnectionAddr::TcpTls { host: host.to_owned(), port, insecure: false, tls_params: None },
        }
    }

    fn certificates(&self) -> Option<TlsCertificates> {
        let ca = self.address.tls.as_ref()?.ca.clone()?;
        Some(TlsCertificates { client_tls: None, root_cert: Some(ca) })
    }

    fn settings(&self) -> RedisConnectionInfo {
        // RESP3, because only there does the library tell that a connection was closed.
        let mut settings = RedisConnectionInfo::default().set_protocol(ProtocolVersion::RESP3).set_db(self.address.db);
        if let Some(user) = &self.address.credentials.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &self.address.credentials.password {
            settings = settings.set_password(password);
        }
        settings
    }

    /// A machine that vanished closes nothing: without these, its connections stay for a quarter of an hour.
    fn tcp_settings(&self) -> TcpSettings {
        TcpSettings::default()
            .set_nodelay(true)
            .set_user_timeout(self.timeout * 2)
            .set_keepalive(TcpKeepalive::new().with_time(Duration::from_secs(15)).with_interval(Duration::from_secs(5)))
    }
}

impl Connection {
    /// Whether it finds its servers again by itself.
    pub(crate) fn heals(&self) -> bool {
        matches!(self, Self::Cluster(..))
    }

    /// Sends a command, and again only when a node answered that it did not execute it because the key
    /// is not its own. Nothing is sent again because an answer was lost.
    pub(crate) async fn send<T: FromRedisValue>(&mut self, command: &Cmd) -> RedisResult<T> {
        let (cluster, source) = match self {
            Self::Server(server) => return command.query_async(server).await,
            Self::Cluster(cluster, source) => (cluster, source),
        };
        let mut outcome = command.query_async(cluster).await;
        for pause in REDIRECTIONS {
            outcome = match &outcome {
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::Ask) => {
                    ask(source, error, command).await
                }
                // The library asks the nodes now, and sends after that.
                Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::Moved) => {
                    sleep(Duration::from_millis(pause)).await;
                    command.query_async(cluster).await
                }
                _ => break,
            };
        }
        outcome
    }
}

/// Sends a command to the node that a slot is moving to. On a connection of its own: ASKING holds for the next
/// command, which on a shared one may be another caller's.
async fn ask<T: FromRedisValue>(source: &Source, error: &RedisError, command: &Cmd) -> RedisResult<T> {
    let (host, port) = error
        .redirect_node()
        .and_then(|(node, _)| node.rsplit_once(':'))
        .and_then(|(host, port)| Some((host, port.parse().ok()?)))
        .ok_or((ErrorKind::Parse, "a redirection without an address"))?;
    let config = source.connection_config();
    let mut server = source.client(host, port)?.get_multiplexed_async_connection_with_config(&config).await?;
    let mut asking = redis::pipe();
    asking.cmd("ASKING").ignore().add_command(command.clone());
    asking.query_async::<(T,)>(&mut server).await.map(|(value,)| value)
}
