//! Redis servers of this test process: single ones, and three or more that are a Cluster.
#![expect(clippy::indexing_slicing, reason = "a Cluster here has at least three nodes")]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use test_servers::{Process, free_port, wait_until};

const PATIENCE: Duration = Duration::from_secs(20);

/// A Redis server. It keeps nothing when it ends, except what a Cluster's node knows of the Cluster.
pub(crate) struct Server {
    pub(crate) port: u16,
    arguments: Vec<String>,
    process: Option<Process>,
    folder: TempDir,
}

impl Server {
    /// One with a port and further settings, that does not run yet.
    pub(crate) fn prepared(settings: &[&str]) -> Self {
        let port = free_port();
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let port_text = port.to_string();
        let own = ["--port", &port_text, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"];
        let arguments = own.map(str::to_owned).into();
        let mut server = Self { port, arguments, process: None, folder };
        let folder = server.folder.path().display().to_string();
        server.set(&[&folder]);
        server.set(settings);
        server
    }

    pub(crate) fn start(settings: &[&str]) -> Self {
        // Another process may take the port between its choice and its use.
        for _ in 0..5 {
            let mut server = Self::prepared(settings);
            if server.try_start(Duration::from_secs(5)) {
                return server;
            }
        }
        panic!("no redis-server comes up");
    }

    /// Adds settings, for the next start.
    pub(crate) fn set(&mut self, settings: &[&str]) {
        self.arguments.extend(settings.iter().map(|&setting| setting.to_owned()));
    }

    /// Starts it (again) on its port.
    pub(crate) fn restart(&mut self) {
        assert!(self.try_start(PATIENCE), "the redis-server does not come up again");
    }

    fn try_start(&mut self, patience: Duration) -> bool {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        assert!(
            std::env::split_paths(&paths).any(|folder| folder.join("redis-server").exists()),
            "redis-server is not on the PATH; these tests start servers of their own (Debian: redis-server)"
        );
        let process = Process::start("redis-server", &self.arguments, None);
        let own = format!("process_id:{}\r", process.id());
        self.process = Some(process);
        let mut up = false;
        for _ in 0..patience.as_millis() / 20 {
            up = self.try_say("INFO server").is_some_and(|info| info.contains(&own));
            if up {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        up
    }

    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    pub(crate) fn signal(&self, name: &str) {
        self.process.as_ref().unwrap().signal(name);
    }

    /// A file in the server's folder.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Sends a command, as typed, and returns the answer as it came.
    pub(crate) fn say(&self, command: &str) -> String {
        self.try_say(command).unwrap()
    }

    pub(crate) fn try_say(&self, command: &str) -> Option<String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
        stream.write_all(format!("{command}\r\n").as_bytes()).ok()?;
        // It answers what it has read, and closes.
        stream.shutdown(Shutdown::Write).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        (!answer.is_empty()).then(|| answer.trim_end().to_owned())
    }
}

/// Starts sentinels that watch the master at a port as `state` and act when two of them find it down. They
/// ping each second: with less patience they would take a busy machine for a dead one.
pub(crate) fn sentinels(master: u16) -> [Server; 3] {
    [(); 3].map(|()| {
        let mut sentinel = Server::prepared(&[]);
        let configuration = format!(
            "port {}\nbind 127.0.0.1\ndir {}\n\
             sentinel monitor state 127.0.0.1 {master} 2\n\
             sentinel down-after-milliseconds state 2000\n\
             sentinel failover-timeout state 5000\n",
            sentinel.port,
            sentinel.folder().display()
        );
        sentinel.arguments = vec![sentinel.file("sentinel.conf", &configuration), "--sentinel".to_owned()];
        sentinel.restart();
        sentinel
    })
}

/// A Cluster of three masters, each with a third of the slots, and replicas of the first.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

/// The first slot of each master, and the end.
const SLOTS: [u16; 4] = [0, 5461, 10923, 16384];

impl Cluster {
    /// `silence` is how many milliseconds a node may be silent before the others call it down.
    pub(crate) fn start(replicas: usize, silence: u32) -> Self {
        let nodes: Vec<(Server, u16)> = (0..3 + replicas)
            .map(|_| {
                let bus = free_port();
                let (bus_text, silence) = (bus.to_string(), silence.to_string());
                let settings = ["--cluster-enabled", "yes", "--cluster-port", &bus_text, "--cluster-node-timeout"];
                let others = [silence.as_str(), "--cluster-require-full-coverage", "no"];
                (Server::start(&[settings.as_slice(), &others].concat()), bus)
            })
            .collect();
        let (first, bus) = &nodes[0];
        for (n, (node, _)) in nodes.iter().enumerate() {
            node.say(&format!("CLUSTER SET-CONFIG-EPOCH {}", n + 1));
            if n < 3 {
                node.say(&format!("CLUSTER ADDSLOTSRANGE {} {}", SLOTS[n], SLOTS[n + 1] - 1));
            }
            node.say(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", first.port));
        }
        let cluster = Self { nodes: nodes.into_iter().map(|(node, _)| node).collect() };
        let known = format!("cluster_known_nodes:{}", cluster.nodes.len());
        cluster.wait("the nodes know one another", |node| {
            let info = node.say("CLUSTER INFO");
            info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384") && info.contains(&known)
        });
        for replica in &cluster.nodes[3..] {
            replica.say(&format!("CLUSTER REPLICATE {}", cluster.nodes[0].node_id()));
            wait_until("the replica follows", PATIENCE, || replica.say("ROLE").contains("connected"));
        }
        // Only a master that all know to have a replica is replaced.
        cluster.wait("the replicas are known", |node| node.say("CLUSTER NODES").matches("slave ").count() == replicas);
        cluster
    }

    fn wait(&self, what: &str, is: impl Fn(&Server) -> bool) {
        wait_until(what, PATIENCE, || self.nodes.iter().all(&is));
    }

    pub(crate) fn url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis-cluster://{}", hosts.join(","))
    }

    /// The slot of a key and the number of the master that was given it.
    pub(crate) fn place(&self, key: &str) -> (u16, usize) {
        let slot: u16 = self.nodes[0].say(&format!("CLUSTER KEYSLOT {key}")).trim_start_matches(':').parse().unwrap();
        (slot, SLOTS.iter().filter(|start| **start <= slot).count() - 1)
    }
}

impl Server {
    pub(crate) fn node_id(&self) -> String {
        self.say("CLUSTER MYID").lines().last().unwrap().to_owned()
    }
}
