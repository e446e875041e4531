//! PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Process, folder, free_port, is_root, wait_until};

/// The account that a Debian machine has for PostgreSQL, which refuses to run as root.
const USER: &str = "postgres";

/// A PostgreSQL server with fresh databases.
pub struct Postgres {
    folder: TempDir,
    bin: PathBuf,
    port: u16,
    process: Option<Process>,
    tls: bool,
    databases: AtomicU32,
}

impl Postgres {
    /// Makes and starts a server.
    ///
    /// # Panics
    /// When PostgreSQL is not installed.
    #[must_use]
    pub fn start() -> Self {
        Self::make(&[])
    }

    /// Makes and starts a server that speaks TLS with this certificate and key (PEM files).
    ///
    /// # Panics
    /// When it cannot.
    #[must_use]
    pub fn start_with_tls(certificate: &Path, key: &Path) -> Self {
        Self::make(&[("server.crt", certificate), ("server.key", key)])
    }

    fn make(files: &[(&str, &Path)]) -> Self {
        let bin = installed();
        let folder = folder("postgres");
        let data = folder.path().join("data");
        if is_root() {
            run(Command::new("chown").arg(USER).arg(folder.path()));
        }
        let mut initdb = as_user();
        initdb.arg(bin.join("initdb")).args(["-A", "trust", "-U", USER, "-E", "UTF8", "--locale=C", "-N", "-D"]);
        run(initdb.arg(&data));
        for (name, file) in files {
            // Read by PostgreSQL's own account alone, as it insists.
            let mut install = Command::new("install");
            install.args(["-m", "0600"]);
            if is_root() {
                install.args(["-o", USER]);
            }
            run(install.arg(file).arg(data.join(name)));
        }
        let tls = !files.is_empty();
        let mut server = Self { folder, bin, port: free_port(), process: None, tls, databases: AtomicU32::new(0) };
        server.restart();
        server
    }

    /// Starts it (again), and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn restart(&mut self) {
        let data = self.folder.path().join("data").display().to_string();
        let mut arguments = vec!["-D".to_owned(), data, "-p".to_owned(), self.port.to_string()];
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=300",
            // A test's data need not survive the machine; it must survive the server.
            "fsync=off",
        ] {
            arguments.extend(["-c".to_owned(), setting.to_owned()]);
        }
        if self.tls {
            arguments.extend(["-c".to_owned(), "ssl=on".to_owned()]);
        }
        let program = self.bin.join("postgres").display().to_string();
        self.process = Some(Process::start(&program, &arguments, Some(USER)));
        wait_until("PostgreSQL answers", Duration::from_secs(30), || self.psql("postgres", "SELECT 1").is_some());
    }

    /// Pauses it (every process of it), as a network that swallows everything would.
    pub fn pause(&self) {
        self.everyone("STOP");
    }

    /// Lets it go on after [`Self::pause`].
    pub fn resume(&self) {
        self.everyone("CONT");
    }

    fn everyone(&self, signal: &str) {
        if let Some(process) = &self.process {
            let parent = process.id().to_string();
            let children = Command::new("pgrep").args(["-P", &parent]).output();
            let children = children.map(|out| String::from_utf8_lossy(&out.stdout).into_owned()).unwrap_or_default();
            // One that ends meanwhile needs no signal.
            for id in std::iter::once(parent.as_str()).chain(children.lines()) {
                let _gone = Command::new("kill").args([&format!("-{signal}"), id]).status();
            }
        }
    }

    /// Makes an empty database and returns its URL.
    ///
    /// # Panics
    /// When it cannot.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::SeqCst));
        assert!(self.psql("postgres", &format!("CREATE DATABASE {name}")).is_some(), "{name} cannot be made");
        format!("postgres://{USER}@127.0.0.1:{}/{name}", self.port)
    }

    /// Runs SQL in a database and returns what it prints, a row a line; `None` when it fails.
    #[must_use]
    pub fn psql(&self, database: &str, sql: &str) -> Option<String> {
        let port = self.port.to_string();
        let arguments =
            ["-h", "127.0.0.1", "-p", &port, "-U", USER, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, database];
        let output = Command::new(self.bin.join("psql")).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The port on which it listens at 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// The newest version that Debian's packages have installed.
fn installed() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut bins: Vec<PathBuf> = versions.map(|v| v.path().join("bin")).filter(|b| b.join("initdb").exists()).collect();
    bins.sort();
    match bins.pop() {
        Some(bin) => bin,
        None => panic!("PostgreSQL is not installed (Debian: postgresql)"),
    }
}

fn as_user() -> Command {
    if is_root() {
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={USER}"), &format!("--regid={USER}"), "--clear-groups"]);
        command
    } else {
        Command::new("env")
    }
}

fn run(command: &mut Command) {
    match command.output() {
        Ok(output) if output.status.success() => {}
        other => panic!("{command:?}: {other:?}"),
    }
}
