//! TLS to PostgreSQL: the server's certificate counts, and its name.

use std::path::Path;
use std::process::Command;

use nixa_storage::StorageError;
use nixa_storage_sql::{Location, PoolSettings, Role, SqlStore};
use tempfile::TempDir;
use test_servers::Postgres;

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// An authority (`NAME-ca.pem`) and a certificate of it for this machine (`NAME.pem`, `NAME.key`).
fn certificate(folder: &Path, name: &str) {
    const NEW: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        .unwrap();
    openssl(folder, &format!("req -x509 {NEW} -days 30 -subj /CN={name} -keyout {name}-ca.key -out {name}-ca.pem"));
    openssl(folder, &format!("req -new {NEW} -subj /CN=localhost -keyout {name}.key -out {name}.csr"));
    openssl(
        folder,
        &format!(
            "x509 -req -in {name}.csr -CA {name}-ca.pem -CAkey {name}-ca.key -days 30 -extfile names -out {name}.pem"
        ),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_server_that_is_meant_is_talked_to() {
    let _others_may_be_first = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = TempDir::new().unwrap();
    certificate(folder.path(), "server");
    certificate(folder.path(), "other");
    let server = Postgres::start_with_tls(&folder.path().join("server.pem"), &folder.path().join("server.key"));
    let url = server.database();
    let open = async |more: &str| {
        let location = Location::Postgres(format!("{url}?{more}"));
        SqlStore::open(&location, PoolSettings::default(), Role::Idp).await
    };
    let root = |name: &str| format!("sslmode=verify-full&sslrootcert={}", folder.path().join(name).display());
    open(&root("server-ca.pem")).await.unwrap();
    assert!(matches!(open(&root("other-ca.pem")).await, Err(StorageError::Unavailable(_))), "another authority");
    let elsewhere = url.replace("127.0.0.1", "127.0.0.2");
    let location = Location::Postgres(format!("{elsewhere}?{}", root("server-ca.pem")));
    assert!(SqlStore::open(&location, PoolSettings::default(), Role::Idp).await.is_err(), "another name");
    let plain = Postgres::start();
    let location = Location::Postgres(format!("{}?sslmode=require", plain.database()));
    assert!(SqlStore::open(&location, PoolSettings::default(), Role::Idp).await.is_err(), "no way back to plain text");
}
