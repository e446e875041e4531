//! Both clients against a real server on loopback.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use http::StatusCode;

use crate::exchange::Limits;
use crate::{AddressPolicy, GuardedClient, HttpClient, HttpError, TrustedClient, get, post, status_only};

/// So that a test of time is over soon.
const LIMITS: Limits = Limits { time: Duration::from_millis(500), body: 1_000 };

/// A server that answers by the path of a request, and what it was asked.
struct Server {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start() -> Self {
        let _another_test_may_be_first = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self { address: listener.local_addr().unwrap(), asked: Arc::default() };
        let asked = Arc::clone(&server.asked);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let asked = Arc::clone(&asked);
                thread::spawn(move || answer(stream.unwrap(), &asked));
            }
        });
        server
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// Reads one request and answers it. A client that has seen enough may be gone: then nothing is left to do.
fn answer(mut stream: TcpStream, asked: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    // A TLS handshake is answered as servers without TLS answer it.
    if reader.fill_buf().ok()?.first() == Some(&22) {
        return stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").ok();
    }
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if line.trim().is_empty() {
            break;
        }
        lines.push(line.trim().to_ascii_lowercase());
    }
    let length = lines.iter().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    reader.read_exact(&mut vec![0; length]).ok()?;
    let path = lines.first()?.split(' ').nth(1)?.to_owned();
    asked.lock().unwrap().push(path.clone());
    let ok = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
    let redirect = |to: &str| {
        format!("HTTP/1.1 307 Temporary Redirect\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    };
    let number = |path: &str| path.rsplit('/').next().and_then(|n| n.parse::<usize>().ok());
    match path.as_str() {
        "/silent" => thread::sleep(Duration::from_secs(30)),
        "/stalling" => {
            stream.write_all(ok.as_bytes()).ok()?;
            thread::sleep(Duration::from_secs(30));
        }
        "/broken" => stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").ok()?,
        "/to-private" => stream.write_all(redirect("http://10.0.0.1/").as_bytes()).ok()?,
        path if path.starts_with("/octets/") => {
            let body = "x".repeat(number(path)?);
            stream.write_all(format!("{ok}{body}").as_bytes()).ok()?;
        }
        path if path.starts_with("/redirects/") => {
            let answer = match number(path)? {
                0 => ok.to_owned(),
                left => redirect(&format!("/redirects/{}", left - 1)),
            };
            stream.write_all(answer.as_bytes()).ok()?;
        }
        _ => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?,
    }
    Some(())
}

/// A guarded client that may ask loopback by http.
fn guarded() -> GuardedClient {
    guarded_for(&["127.0.0.0/8", "::1/128"])
}

fn guarded_for(networks: &[&str]) -> GuardedClient {
    let allowed_networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    GuardedClient::within(LIMITS, AddressPolicy { allow_http: true, allowed_networks }, None).unwrap()
}

fn clients() -> [Box<dyn HttpClient>; 2] {
    [Box::new(TrustedClient::within(LIMITS).unwrap()), Box::new(guarded())]
}

#[tokio::test]
async fn no_more_is_read_than_the_limit() {
    let server = Server::start();
    for client in clients() {
        let fits = client.send(get(&server.url("/octets/1000")).unwrap()).await.unwrap();
        assert_eq!(fits.body().len(), 1_000);
        for path in ["/octets/1001", "/octets/10000000"] {
            let refused = client.send(get(&server.url(path)).unwrap()).await;
            assert!(matches!(refused, Err(HttpError::TooLarge)), "{path} {refused:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_has_to_come_and_to_end_in_time() {
    let server = Server::start();
    for client in clients() {
        for path in ["/silent", "/stalling"] {
            let refused = client.send(get(&server.url(path)).unwrap()).await;
            assert!(matches!(refused, Err(HttpError::TimedOut)), "{path} {refused:?}");
        }
        let head = client.send(status_only(get(&server.url("/stalling")).unwrap())).await;
        assert_eq!(head.unwrap().status(), 200, "a body that never ends takes nothing back");
    }
}

#[tokio::test]
async fn the_trusted_client_follows_no_redirect() {
    let server = Server::start();
    let client = TrustedClient::within(LIMITS).unwrap();
    for request in [get(&server.url("/redirects/1")), post(&server.url("/redirects/1"), "text/plain", "x")] {
        assert_eq!(client.send(request.unwrap()).await.unwrap().status(), StatusCode::TEMPORARY_REDIRECT);
    }
    assert_eq!(server.asked(), ["/redirects/1", "/redirects/1"]);
}

#[tokio::test]
async fn the_guarded_client_follows_a_get_a_little_way() {
    let server = Server::start();
    let client = guarded();
    assert_eq!(client.send(get(&server.url("/redirects/3")).unwrap()).await.unwrap().status(), StatusCode::OK);
    assert_eq!(server.asked().len(), 4);
    let refused = client.send(get(&server.url("/redirects/4")).unwrap()).await;
    assert!(matches!(refused, Err(HttpError::TooManyRedirects)), "{refused:?}");
    assert_eq!(server.asked().len(), 8, "the last one is not asked");
    let refused = client.send(get(&server.url("/to-private")).unwrap()).await;
    assert!(matches!(refused, Err(HttpError::AddressRefused)), "{refused:?}");
}

#[tokio::test]
async fn the_guarded_client_posts_to_nobody_else() {
    let server = Server::start();
    let request = post(&server.url("/redirects/1"), "text/plain", "x").unwrap();
    assert_eq!(guarded().send(request).await.unwrap().status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(server.asked(), ["/redirects/1"]);
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_resolves_to() {
    let server = Server::start();
    let url = format!("http://localhost:{}/redirects/0", server.address.port());
    for request in [get(&url), post(&url, "text/plain", "x")] {
        let refused = guarded_for(&["10.0.0.0/8"]).send(request.unwrap()).await;
        assert!(matches!(refused, Err(HttpError::AddressRefused)), "{refused:?}");
    }
    assert_eq!(server.asked(), Vec::<String>::new());
    assert_eq!(guarded().send(get(&url).unwrap()).await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn an_error_says_its_cause_and_not_the_address() {
    let server = Server::start();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for client in clients() {
        let plain = client.send(get(&format!("https://{}/?secret", server.address)).unwrap()).await.unwrap_err();
        assert!(matches!(plain, HttpError::Tls(_)), "{plain:?}");
        let closed = client.send(get(&format!("http://{nobody}/?secret")).unwrap()).await.unwrap_err();
        assert!(matches!(closed, HttpError::Connect(_)), "{closed:?}");
        let broken = client.send(get(&server.url("/broken")).unwrap()).await.unwrap_err();
        assert!(matches!(broken, HttpError::Broken(_)), "{broken:?}");
        for error in [plain, closed, broken] {
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
    assert!(matches!(get("no URL"), Err(HttpError::InvalidUrl)));
    assert_eq!(get("https://cổng.example/khoá").unwrap().uri(), "https://xn--cng-qmz.example/kho%C3%A1");
}
