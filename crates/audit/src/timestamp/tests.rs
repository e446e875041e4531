//! Against the time-stamping authority of the `openssl` command, in a folder of its own.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;

const NONCE: u64 = 0xf123_4567_89ab_cdef;
const DATA: &[u8] = b"a checkpoint";

const CONFIG: &str = "
[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[stamping]
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[stamping_not_critical]
extendedKeyUsage = timeStamping
[stamping_and_more]
extendedKeyUsage = critical, timeStamping, emailProtection
[mail]
extendedKeyUsage = critical, emailProtection
[any]
basicConstraints = CA:FALSE
[tsa]
default_tsa = authority
[authority]
serial = serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
ess_cert_id_alg = sha256
accuracy = secs:1, millisecs:500
clock_precision_digits = 3
ordering = yes
tsa_name = yes
";

/// A folder with an authority and what it signs.
struct Authority(TempDir);

impl Authority {
    fn new() -> Self {
        let this = Self(tempfile::tempdir().unwrap());
        this.write("config", CONFIG.as_bytes());
        this.write("serial", b"01");
        for name in ["ca", "other"] {
            this.run(&format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config config -extensions ca \
                 -days 3650 -subj /CN={name} -keyout {name}.key -out {name}.pem"
            ));
        }
        for purpose in ["stamping", "stamping_not_critical", "stamping_and_more", "mail", "any"] {
            this.run(&format!(
                "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config config -subj /CN={purpose} \
                 -keyout {purpose}.key -out {purpose}.csr"
            ));
            this.run(&format!(
                "x509 -req -in {purpose}.csr -CA ca.pem -CAkey ca.key -days 365 -extfile config \
                 -extensions {purpose} -out {purpose}.pem"
            ));
        }
        this
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, content: &[u8]) {
        fs::write(self.path().join(name), content).unwrap();
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }

    fn run(&self, arguments: &str) -> String {
        let mut command = Command::new("openssl");
        let output = command.args(arguments.split_whitespace()).current_dir(self.path()).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn trust(&self, name: &str) -> TrustedTsa {
        TrustedTsa::from_pem(&String::from_utf8(self.read(name)).unwrap()).unwrap()
    }

    /// The authority's answer to a request.
    fn answer(&self, request: &[u8], name: &str) -> Vec<u8> {
        self.write(&format!("{name}.tsq"), request);
        self.run(&format!(
            "ts -reply -config config -queryfile {name}.tsq -signer stamping.pem -inkey stamping.key \
             -chain ca.pem -out {name}.tsr"
        ));
        self.read(&format!("{name}.tsr"))
    }

    /// A `TSTInfo`, or what claims to be one, signed by hand.
    fn sign(&self, info: &[u8], name: &str, signer: &str, options: &str) -> Vec<u8> {
        self.write(&format!("{name}.info"), info);
        self.run(&format!(
            "cms -sign -binary -nodetach -outform DER -in {name}.info -signer {signer}.pem -inkey {signer}.key \
             -out {name}.token {options}"
        ));
        self.read(&format!("{name}.token"))
    }
}

const STAMPED: &str = "-econtent_type 1.2.840.113549.1.9.16.1.4 -md sha256 -cades";

/// Made once: what the tests have in common.
struct Fixture {
    authority: Authority,
    digest: [u8; 32],
    response: Vec<u8>,
    stamp: TimeStamp,
    trust: TrustedTsa,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let authority = Authority::new();
    let digest = Sha256::digest(DATA).into();
    let response = authority.answer(&request(&digest, NONCE), "first");
    let trust = authority.trust("ca.pem");
    let stamp = verify_response(&response, &digest, NONCE, &trust).unwrap();
    Fixture { authority, digest, response, stamp, trust }
});

fn untrusted(result: &Result<i64, TimestampRefusal>, reason: &str) -> bool {
    matches!(result, Err(TimestampRefusal::Untrusted(text)) if text.contains(reason))
}

#[test]
fn openssl_reads_what_we_ask_and_keep() {
    let Fixture { authority, digest, stamp, trust, .. } = &*FIXTURE;
    authority.write("ours.tsq", &request(digest, NONCE));
    let text = authority.run("ts -query -in ours.tsq -text");
    for part in ["Version: 1", "Hash Algorithm: sha256", "Nonce: 0xF123456789ABCDEF", "Certificate required: yes"] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    // Small and large numbers: an INTEGER has a sign.
    for (nonce, shown) in [(0, "0x0"), (1, "0x01"), (0x80, "0x80"), (u64::MAX, "0xFFFFFFFFFFFFFFFF")] {
        authority.write("nonce.tsq", &request(digest, nonce));
        let text = authority.run("ts -query -in nonce.tsq -text");
        assert!(text.contains(&format!("Nonce: {shown}")), "{nonce}: {text}");
    }
    authority.write("kept.token", &stamp.token);
    authority.write("data", DATA);
    let verdict = authority.run("ts -verify -in kept.token -token_in -data data -CAfile ca.pem");
    assert!(verdict.contains("OK"), "{verdict}");
    assert_eq!(verify_token(&stamp.token, digest, trust), Ok(stamp.at));
    assert!(stamp.at > 1_700_000_000);
}

#[test]
fn only_the_answer_to_the_request() {
    let Fixture { authority, digest, response, stamp, trust } = &*FIXTURE;
    let other: [u8; 32] = Sha256::digest(b"other").into();
    assert_eq!(verify_response(response, &other, NONCE, trust), Err(TimestampRefusal::Imprint));
    assert_eq!(verify_token(&stamp.token, &other, trust), Err(TimestampRefusal::Imprint));
    assert_eq!(verify_response(response, digest, NONCE + 1, trust), Err(TimestampRefusal::Nonce));
    authority.write("data", DATA);
    authority.run("ts -query -data data -sha256 -cert -no_nonce -out without.tsq");
    let without = authority.answer(&authority.read("without.tsq"), "without");
    assert_eq!(verify_response(&without, digest, NONCE, trust), Err(TimestampRefusal::Nonce), "it has none");
    authority.run("ts -query -data data -sha512 -cert -out rejected.tsq");
    let rejected = authority.answer(&authority.read("rejected.tsq"), "rejected");
    let refused = verify_response(&rejected, digest, NONCE, trust);
    assert!(matches!(&refused, Err(TimestampRefusal::Rejected { status: 2, text }) if !text.is_empty()), "{refused:?}");
    assert_eq!(verify_response(&[0x30, 5, 0x30, 3, 2, 1, 0], digest, NONCE, trust), Err(TimestampRefusal::Malformed));
}

#[test]
fn only_from_an_authority() {
    let Fixture { authority, digest, stamp, .. } = &*FIXTURE;
    let info = content(&stamp.token).unwrap();
    let trust = authority.trust("ca.pem");
    for anchor in ["other.pem", "any.pem", "mail.pem"] {
        let result = verify_token(&stamp.token, digest, &authority.trust(anchor));
        assert!(untrusted(&result, "certificate verify error"), "{anchor}: {result:?}");
    }
    assert_eq!(verify_token(&stamp.token, digest, &authority.trust("stamping.pem")), Ok(stamp.at), "pinned");
    let both = [authority.read("other.pem"), authority.read("ca.pem")].concat();
    let both = TrustedTsa::from_pem(&String::from_utf8(both).unwrap()).unwrap();
    assert_eq!(verify_token(&stamp.token, digest, &both), Ok(stamp.at));
    for pem in ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert_eq!(TrustedTsa::from_pem(pem).err(), Some(TimestampRefusal::Trust), "{pem:?}");
    }
    for signer in ["stamping_not_critical", "stamping_and_more", "mail", "any", "ca"] {
        let token = authority.sign(&info, signer, signer, STAMPED);
        let result = verify_token(&token, digest, &trust);
        assert!(untrusted(&result, "certificate verify error"), "{signer}: {result:?}");
    }
    let by_hand = authority.sign(&info, "by_hand", "stamping", STAMPED);
    assert_eq!(verify_token(&by_hand, digest, &trust), Ok(stamp.at), "what is changed below is the only difference");
    let unbound = STAMPED.replace("-cades", "");
    let unbound = verify_token(&authority.sign(&info, "unbound", "stamping", &unbound), digest, &trust);
    assert!(untrusted(&unbound, "missing signing certificate attribute"), "{unbound:?}");
    let weak = STAMPED.replace("sha256", "sha1");
    let weak = verify_token(&authority.sign(&info, "weak", "stamping", &weak), digest, &trust);
    assert!(untrusted(&weak, "weak digest"), "{weak:?}");
    let other_type = STAMPED.replace("16.1.4", "16.1.5");
    let other_type = authority.sign(&info, "other_type", "stamping", &other_type);
    assert_eq!(verify_token(&other_type, digest, &trust), Err(TimestampRefusal::NotAToken));
    let two = format!("{STAMPED} -signer mail.pem -inkey mail.key");
    let two = authority.sign(&info, "two", "stamping", &two);
    assert_eq!(verify_token(&two, digest, &trust), Err(TimestampRefusal::Malformed), "two signatures");
}

/// A `TSTInfo` with another time or version.
fn changed(info: &[u8], edit: impl Fn(usize, &Any) -> Any) -> Vec<u8> {
    let parts: Vec<Any> = members(info).unwrap().iter().enumerate().map(|(index, part)| edit(index, part)).collect();
    parts.to_der().unwrap()
}

#[test]
fn certificates_are_judged_at_the_time_of_the_token() {
    let Fixture { authority, digest, stamp, trust, .. } = &*FIXTURE;
    let info = content(&stamp.token).unwrap();
    let at = |text: &str| {
        let set = |index, part: &Any| match index {
            4 => Any::new(Tag::GeneralizedTime, text.as_bytes()).unwrap(),
            _ => part.clone(),
        };
        let token = authority.sign(&changed(&info, set), text, "stamping", STAMPED);
        verify_token(&token, digest, trust)
    };
    assert!(untrusted(&at("20010101000000Z"), "not yet valid"));
    assert!(untrusted(&at("20990101000000Z"), "expired"));
    let now = chrono::DateTime::from_timestamp(stamp.at, 0).unwrap().format("%Y%m%d%H%M%S").to_string();
    assert_eq!(at(&format!("{now}Z")), Ok(stamp.at));
    assert_eq!(at(&format!("{now}.25Z")), Ok(stamp.at), "fractions");
    for bad in [now.clone(), format!("{now}.Z"), format!("{now}+0700"), format!("{now}.2.5Z"), "20010230000000Z".into()]
    {
        assert_eq!(at(&bad), Err(TimestampRefusal::Malformed), "{bad}");
    }
    let version = |index, part: &Any| if index == 0 { Any::new(Tag::Integer, [2]).unwrap() } else { part.clone() };
    let newer = authority.sign(&changed(&info, version), "version", "stamping", STAMPED);
    assert_eq!(verify_token(&newer, digest, trust), Err(TimestampRefusal::Malformed));
}

#[test]
fn a_damaged_answer_is_refused() {
    let Fixture { digest, response, stamp, trust, .. } = &*FIXTURE;
    for length in 0..response.len() {
        assert!(verify_response(&response[..length], digest, NONCE, trust).is_err(), "cut at {length}");
    }
    assert!(verify_response(&[response.as_slice(), &[0]].concat(), digest, NONCE, trust).is_err(), "longer");
    assert!(verify_response(&vec![0x30; LONGEST + 1], digest, NONCE, trust).is_err());
    let mut believed = 0;
    for index in 0..response.len() {
        for bit in [1, 0x40] {
            let mut damaged = response.clone();
            damaged[index] ^= bit;
            // Not all of an answer is signed: the status, certificates that are not needed, hints.
            if let Ok(read) = verify_response(&damaged, digest, NONCE, trust) {
                assert_eq!(read.at, stamp.at, "bit {bit} of octet {index}");
                believed += 1;
            }
        }
    }
    assert!(believed * 2 < response.len(), "{believed} of {}", 2 * response.len());
}
