//! What a URL says about the servers.
//!
//! Every complaint is a fixed text: no part of a URL, which holds a password, is ever printed.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

const REDIS_PORT: u16 = 6379;
const SENTINEL_PORT: u16 = 26379;

/// The servers and how to reach them.
pub(crate) struct Address {
    pub(crate) topology: Topology,
    /// The server, the cluster's first nodes to ask, or the sentinels.
    pub(crate) hosts: Vec<(String, u16)>,
    /// For the servers that hold the entries.
    pub(crate) credentials: Credentials,
    pub(crate) db: i64,
    pub(crate) tls: Option<Tls>,
}

/// How the servers stand together.
pub(crate) enum Topology {
    Single,
    Cluster,
    Sentinel { service: String, credentials: Credentials },
}

#[derive(Default)]
pub(crate) struct Credentials {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

pub(crate) struct Tls {
    /// Roots to trust in place of the system's, PEM.
    pub(crate) ca: Option<Vec<u8>>,
}

type Result<T> = std::result::Result<T, &'static str>;

impl Address {
    /// Reads a URL, and the CA file that it names.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").ok_or("the URL has no scheme")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (tls, topology) = match scheme {
            "redis" => (false, Topology::Single),
            "rediss" => (true, Topology::Single),
            "redis-cluster" => (false, Topology::Cluster),
            "rediss-cluster" => (true, Topology::Cluster),
            "redis-sentinel" => {
                (false, Topology::Sentinel { service: String::new(), credentials: Credentials::default() })
            }
            "rediss-sentinel" => {
                (true, Topology::Sentinel { service: String::new(), credentials: Credentials::default() })
            }
            _ => return Err("the URL's scheme is none of redis, redis-cluster, redis-sentinel, or these with rediss"),
        };
        let port = if matches!(topology, Topology::Sentinel { .. }) { SENTINEL_PORT } else { REDIS_PORT };
        let mut address = Self {
            topology,
            hosts: hosts.split(',').map(|one| host(one, port)).collect::<Result<_>>()?,
            credentials: read_credentials(credentials)?,
            db: 0,
            tls: tls.then_some(Tls { ca: None }),
        };
        address.read_path(path)?;
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            address.read_parameter(parameter)?;
        }
        Ok(address)
    }

    fn read_path(&mut self, path: &str) -> Result<()> {
        let db = match &mut self.topology {
            Topology::Single if self.hosts.len() > 1 => return Err("a single server has one host"),
            Topology::Single => path,
            Topology::Cluster if !matches!(path, "" | "0") => return Err("a cluster has no other database than 0"),
            Topology::Cluster => path,
            Topology::Sentinel { service, .. } => {
                let (name, db) = path.split_once('/').unwrap_or((path, ""));
                if name.is_empty() {
                    return Err("the URL does not name the service that the sentinels watch");
                }
                *service = decoded(name)?;
                db
            }
        };
        if !db.is_empty() {
            self.db = db.parse::<u16>().map_err(|_| "the database is not a number")?.into();
        }
        Ok(())
    }

    fn read_parameter(&mut self, parameter: &str) -> Result<()> {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = decoded(value)?;
        match (name, &mut self.topology, &mut self.tls) {
            ("ca", _, Some(tls)) => tls.ca = Some(roots(&value)?),
            ("ca", _, None) => return Err("`ca` needs a scheme with TLS (rediss)"),
            ("sentinel-user", Topology::Sentinel { credentials, .. }, _) => credentials.user = Some(value),
            ("sentinel-password", Topology::Sentinel { credentials, .. }, _) => credentials.password = Some(value),
            _ => return Err("the URL has a parameter that does not exist for its scheme"),
        }
        Ok(())
    }
}

fn host(text: &str, default_port: u16) -> Result<(String, u16)> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, port) = rest.split_once(']').ok_or("a host's bracket is not closed")?;
            (name, port.strip_prefix(':'))
        }
        None => text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port))),
    };
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "-._:".contains(c)) {
        return Err("a host is missing or is no name or IP address (are special characters percent-encoded?)");
    }
    let port = port.map_or(Ok(default_port), str::parse).map_err(|_| "a port is not a number below 65536")?;
    Ok((name.to_owned(), port))
}

fn read_credentials(text: &str) -> Result<Credentials> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    if !user.is_empty() && password.is_empty() {
        return Err("a user has no password");
    }
    let part = |text: &str| if text.is_empty() { Ok(None) } else { decoded(text).map(Some) };
    Ok(Credentials { user: part(user)?, password: part(password)? })
}

fn decoded(text: &str) -> Result<String> {
    percent_decode_str(text).decode_utf8().map(Cow::into_owned).map_err(|_| "a part of the URL is not UTF-8")
}

fn roots(path: &str) -> Result<Vec<u8>> {
    let pem = std::fs::read(path).map_err(|_| "the file of `ca` cannot be read")?;
    // Without a certificate in it nothing would be trusted, which shows only at the first connection.
    if String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
        Ok(pem)
    } else {
        Err("the file of `ca` holds no certificate")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(address: &Address) -> Vec<(&str, u16)> {
        address.hosts.iter().map(|(host, port)| (host.as_str(), *port)).collect()
    }

    #[test]
    fn a_single_server() {
        let address = Address::parse("redis://cache").unwrap();
        assert!(matches!(address.topology, Topology::Single));
        assert_eq!((hosts(&address), address.db, address.tls.is_some()), (vec![("cache", 6379)], 0, false));
        let address = Address::parse("rediss://an:s%40cret%2f@[::1]:7000/3").unwrap();
        assert_eq!((hosts(&address), address.db, address.tls.is_some()), (vec![("::1", 7000)], 3, true));
        assert_eq!(
            (address.credentials.user.as_deref(), address.credentials.password.as_deref()),
            (Some("an"), Some("s@cret/"))
        );
        let address = Address::parse("redis://:only@cache/").unwrap();
        assert_eq!((address.credentials.user, address.credentials.password.as_deref()), (None, Some("only")));
    }

    #[test]
    fn a_cluster() {
        let address = Address::parse("redis-cluster://:p@a:7000,b,10.0.0.3:7002/0").unwrap();
        assert!(matches!(address.topology, Topology::Cluster));
        assert_eq!(hosts(&address), [("a", 7000), ("b", 6379), ("10.0.0.3", 7002)]);
    }

    #[test]
    fn sentinels() {
        let url = "rediss-sentinel://an:p@a,b:7001/login%20state/2?sentinel-user=watch&sentinel-password=w%26";
        let address = Address::parse(url).unwrap();
        assert_eq!((hosts(&address), address.db), (vec![("a", 26379), ("b", 7001)], 2));
        let Topology::Sentinel { service, credentials } = address.topology else { unreachable!("{url}") };
        assert_eq!(service, "login state");
        assert_eq!((credentials.user.as_deref(), credentials.password.as_deref()), (Some("watch"), Some("w&")));
        assert_eq!(address.credentials.password.as_deref(), Some("p"));
    }

    #[test]
    fn a_complaint_names_the_problem_and_never_the_password() {
        let wrong = [
            ("hunter2", "no scheme"),
            ("postgres://:hunter2@a", "scheme is none of"),
            ("redis://:hunter2@", "host is missing"),
            ("redis://:hunter2@a b", "host is missing"),
            ("redis://:hunter2@a,b", "one host"),
            ("redis://:hunter2@a:port", "port is not"),
            ("redis://:hunter2@a:70000", "port is not"),
            ("redis://:hunter2@[::1", "bracket"),
            ("redis://hunter2@a", "no password"),
            ("redis://:hunter2%ff@a", "UTF-8"),
            ("redis://:hunter2/x@a", "percent-encoded"),
            ("redis://:hunter2@a/first", "database is not"),
            ("redis://:hunter2@a?ca=/a", "needs a scheme with TLS"),
            ("rediss://:hunter2@a?ca=/nowhere/hunter2", "cannot be read"),
            ("rediss://:hunter2@a?ca=Cargo.toml", "no certificate"),
            ("redis://:hunter2@a?sentinel-password=hunter2", "parameter that does not exist"),
            ("redis://:hunter2@a?password=hunter2", "parameter that does not exist"),
            ("redis-cluster://:hunter2@a/1", "no other database"),
            ("redis-sentinel://:hunter2@a", "does not name the service"),
        ];
        for (url, problem) in wrong {
            let complaint = Address::parse(url).err().unwrap();
            assert!(complaint.contains(problem), "{url}: {complaint}");
            assert!(!complaint.contains("hunter2"), "{url}: {complaint}");
        }
    }
}
