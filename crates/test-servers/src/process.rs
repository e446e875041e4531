//! A child process that does not outlive the test.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

type Start = (Command, Sender<std::io::Result<Child>>);

/// The thread that starts every child. The kernel kills a child when the *thread* that started it ends, and
/// a test's own thread ends long before the process does.
static STARTER: Mutex<Option<Sender<Start>>> = Mutex::new(None);

/// A server's process; killed when dropped, and by the kernel when the test process ends.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a program. `user` is whom it runs as when the test runs as root.
    ///
    /// # Panics
    /// When it cannot be started: it is not installed.
    #[must_use]
    pub fn start(program: &str, arguments: &[String], user: Option<&str>) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if let Some(user) = user.filter(|_| is_root()) {
            command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"]);
        }
        command.arg(program).args(arguments);
        command.stdin(std::process::Stdio::null());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        let (answer, started) = channel();
        let mut starter = STARTER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let sender = starter.get_or_insert_with(|| {
            let (sender, wishes) = channel::<Start>();
            thread::spawn(move || {
                while let Ok((mut command, answer)) = wishes.recv() {
                    let _gone = answer.send(command.spawn());
                }
            });
            sender
        });
        let _gone = sender.send((command, answer));
        drop(starter);
        match started.recv() {
            Ok(Ok(child)) => Self { child },
            other => panic!("{program} cannot be started: {other:?}"),
        }
    }

    /// Sends a signal by name (`STOP`, `CONT`, `KILL`, `TERM`, `INT`).
    ///
    /// # Panics
    /// When the process is gone.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the process is gone");
    }

    /// The process identifier, by which the system knows it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for it to end.
    pub fn wait(&mut self) {
        let _ended = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _ended = self.child.wait();
    }
}

pub(crate) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout == b"0\n")
}

/// Marks a folder with the process that uses it.
const OWNER: &str = "owner.pid";

/// A temporary folder for a server. One that lives as long as the test process is not removed at its end,
/// so those of processes that have ended are removed here.
pub(crate) fn folder(kind: &str) -> TempDir {
    let prefix = format!("nixa-test-{kind}-");
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let owner = std::fs::read_to_string(entry.path().join(OWNER)).unwrap_or_default();
        let ended = !owner.is_empty() && !Path::new("/proc").join(&owner).exists();
        if ended && entry.file_name().to_string_lossy().starts_with(&prefix) {
            let _other_was_first = std::fs::remove_dir_all(entry.path());
        }
    }
    let made = tempfile::Builder::new().prefix(&prefix).tempdir();
    match made.and_then(|f| std::fs::write(f.path().join(OWNER), std::process::id().to_string()).map(|()| f)) {
        Ok(folder) => folder,
        Err(error) => panic!("no temporary folder: {error}"),
    }
}

/// A loopback port that nobody listens on.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr()) {
        Ok(address) => address.port(),
        Err(error) => panic!("no free port: {error}"),
    }
}

/// Waits for something to come true.
///
/// # Panics
/// When it does not in time.
pub fn wait_until(what: &str, patience: Duration, mut is: impl FnMut() -> bool) {
    const PAUSE: Duration = Duration::from_millis(50);
    for _ in 0..patience.as_millis() / PAUSE.as_millis() {
        if is() {
            return;
        }
        thread::sleep(PAUSE);
    }
    assert!(is(), "{what}: not within {patience:?}");
}
