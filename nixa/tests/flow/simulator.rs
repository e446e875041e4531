//! A simulated identity provider: it speaks OpenID Connect over the transport and gives whatever ID
//! token a test wants, so that the broker's checks can be seen to refuse it.

use std::sync::Mutex;

use nixa_http_client::{Request, Response};
use nixa_protocol::jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::lab::SIMULATOR;

pub(crate) struct Simulator {
    pub(crate) key: SigningKey,
    /// The ID token that the next code is redeemed for.
    pub(crate) id_token: Mutex<String>,
    pub(crate) userinfo: Mutex<Value>,
}

impl Default for Simulator {
    fn default() -> Self {
        Self {
            key: SigningKey::generate(Algorithm::Rs256).unwrap(),
            id_token: Mutex::default(),
            userinfo: Mutex::default(),
        }
    }
}

impl Simulator {
    pub(crate) fn answer(&self, request: &Request) -> Response {
        let body = match request.uri().path() {
            "/.well-known/openid-configuration" => json!({
                "issuer": SIMULATOR,
                "authorization_endpoint": format!("{SIMULATOR}/authorize"),
                "token_endpoint": format!("{SIMULATOR}/token"),
                "userinfo_endpoint": format!("{SIMULATOR}/userinfo"),
                "jwks_uri": format!("{SIMULATOR}/jwks"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "authorization_response_iss_parameter_supported": true,
            }),
            "/jwks" => json!({ "keys": [self.key.public_jwk()] }),
            "/token" => json!({
                "access_token": "simulated",
                "token_type": "Bearer",
                "id_token": *self.id_token.lock().unwrap(),
            }),
            "/userinfo" => self.userinfo.lock().unwrap().clone(),
            path => panic!("the simulator has no {path}"),
        };
        http::Response::builder()
            .header("content-type", "application/json")
            .body(body.to_string().into_bytes())
            .unwrap()
    }
}
