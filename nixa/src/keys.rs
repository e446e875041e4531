//! Keys and secrets in files of mode 0600, made at first start.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nixa_protocol::Entropy;
use nixa_protocol::jose::{Algorithm, KeySet, SigningKey};
use thiserror::Error;

/// A key file that cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not a key.
    #[error("{}: is not a usable key", .0.display())]
    Malformed(PathBuf),
    /// Others may read the file, so its key must be taken for known.
    #[error("{}: may be read by others (mode {mode:o}); set it to 0600 and replace the key", file.display())]
    Exposed {
        /// The file.
        file: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

/// The folder `keys` of a data directory.
#[derive(Debug, Clone)]
pub struct KeyFolder(PathBuf);

impl KeyFolder {
    /// Opens or makes the folder, for its owner only.
    ///
    /// # Errors
    /// [`KeyError::Io`].
    pub fn open(data_dir: &Path) -> Result<Self, KeyError> {
        let folder = data_dir.join("keys");
        private_folder(data_dir)?;
        private_folder(&folder)?;
        Ok(Self(folder))
    }

    /// The server's signing keys: RS256 and ES256.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn signing(&self) -> Result<KeySet, KeyError> {
        let keys = [(Algorithm::Rs256, "signing-rs256.jwk"), (Algorithm::Es256, "signing-es256.jwk")];
        Ok(KeySet::new(keys.into_iter().map(|(a, file)| self.key(a, file)).collect::<Result<_, _>>()?))
    }

    /// The key with which a broker authenticates at identity providers.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn client(&self) -> Result<SigningKey, KeyError> {
        self.key(Algorithm::Es256, "client-es256.jwk")
    }

    /// A secret of 256 bits.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn secret(&self, file: &str, entropy: &dyn Entropy) -> Result<[u8; 32], KeyError> {
        let file = self.0.join(file);
        let bytes = read_or_make(&file, || {
            let mut bytes = [0; 32];
            entropy.fill(&mut bytes);
            Ok(bytes.to_vec())
        })?;
        bytes.try_into().map_err(|_| KeyError::Malformed(file))
    }

    fn key(&self, algorithm: Algorithm, file: &str) -> Result<SigningKey, KeyError> {
        let file = self.0.join(file);
        let malformed = || KeyError::Malformed(file.clone());
        let made = || SigningKey::generate(algorithm).map(|k| k.private_jwk().into_bytes()).map_err(|_| malformed());
        let bytes = read_or_make(&file, made)?;
        let text = String::from_utf8(bytes).map_err(|_| malformed())?;
        SigningKey::from_jwk(&text).map_err(|_| malformed())
    }
}

fn private_folder(folder: &Path) -> Result<(), KeyError> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| KeyError::Io { file: folder.to_owned(), source })
}

fn read_or_make(file: &Path, make: impl FnOnce() -> Result<Vec<u8>, KeyError>) -> Result<Vec<u8>, KeyError> {
    let io = |source| KeyError::Io { file: file.to_owned(), source };
    match fs::metadata(file) {
        Ok(metadata) => {
            let mode = metadata.permissions().mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(KeyError::Exposed { file: file.to_owned(), mode });
            }
            fs::read(file).map_err(io)
        }
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            keep_first(file, &make()?).map_err(io)?;
            fs::read(file).map_err(io)
        }
        Err(e) => Err(io(e)),
    }
}

/// Writes a key file unless there is one: of two servers that start for the first time at once, both use
/// the key of the one that came first.
fn keep_first(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let half = file.with_extension(format!("{}.new", std::process::id()));
    write_private(&half, bytes)?;
    let linked = fs::hard_link(&half, file);
    fs::remove_file(&half)?;
    match linked {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

/// Writes a file for its owner only, whole or not at all: a crash leaves no half key behind.
///
/// # Errors
/// The cause.
pub fn write_private(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let half = file.with_extension("new");
    let mut out = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    out.write_all(bytes)?;
    out.sync_all()?;
    fs::rename(half, file)
}
