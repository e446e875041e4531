//! Signed heads of the chains. A chain by itself shows an edit, not a rewriting of everything after it: whoever
//! can write the table can compute its hashes. A head that was signed and taken elsewhere cannot be rewritten.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use nixa_protocol::jose::{self, JoseRefusal, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The `typ` of a checkpoint, so that no other token of the same key can pass for one (RFC 8725 §3.11).
const TYP: &str = "nixa-audit-checkpoint+jwt";
/// Longest JWS that [`jose::verify`] reads: signing a longer one would make a checkpoint that cannot be read.
const LONGEST: usize = 16_384;

/// The last record of a chain at some time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The chain, by its number in the store.
    pub shard: i64,
    /// The record's number in the chain, from 1.
    pub seq: i64,
    /// The record's hash, which covers those before it.
    pub hash: String,
}

/// The heads of all chains at one time. Checkpoints are a chain too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The checkpoint's number, from 1, without gaps.
    pub n: i64,
    /// When it was made, in seconds since the epoch.
    pub at: i64,
    /// The [`checkpoint_hash`] of the checkpoint before it, empty for the first.
    pub previous: String,
    /// The heads, by rising shard, each shard once.
    pub heads: Vec<Head>,
}

/// Why a text is not a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CheckpointRefusal {
    /// Not a JWS of ours.
    #[error(transparent)]
    Jose(#[from] JoseRefusal),
    /// Signed, and yet not a checkpoint: a member is absent or of another type, or the heads are out of order.
    #[error("malformed checkpoint")]
    Malformed,
}

/// What is wrong with a list of checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CheckpointFault {
    /// It is not signed by this key, or is not a checkpoint.
    #[error(transparent)]
    Refused(#[from] CheckpointRefusal),
    /// It is not the next one: one is missing, is there twice or stands elsewhere.
    #[error("numbered {found} and not {expected}")]
    Number {
        /// The number that had to come.
        expected: i64,
        /// The number that it has.
        found: i64,
    },
    /// It follows another checkpoint than the one before it in the list.
    #[error("does not follow the checkpoint before it")]
    Previous,
    /// It is older than the one before it.
    #[error("older than the checkpoint before it")]
    Time,
    /// A chain got shorter, went away, or has another record where it ended before: it was rewritten before
    /// this checkpoint was signed.
    #[error("the head of chain {shard} went back")]
    Head {
        /// The chain whose head it is.
        shard: i64,
    },
}

/// The first fault in a list of checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("checkpoint at place {position}: {fault}")]
pub struct CheckpointFinding {
    /// The place in the list, from 1; in a list without gaps, the checkpoint's number.
    pub position: usize,
    /// What is wrong with the checkpoint at that place.
    pub fault: CheckpointFault,
}

/// Whether each shard is there once, by rising number.
fn in_order(heads: &[Head]) -> bool {
    heads.windows(2).all(|pair| matches!(pair, [a, b] if a.shard < b.shard))
}

/// Signs a checkpoint as a compact JWS of type `nixa-audit-checkpoint+jwt`. A JWS of 16,384 octets, the most that is
/// read, has room for about 140 heads.
///
/// # Errors
/// [`JoseRefusal::Malformed`] when the heads are out of order or too many, [`JoseRefusal::Key`] when signing fails.
pub fn sign_checkpoint(key: &SigningKey, checkpoint: &Checkpoint) -> Result<String, JoseRefusal> {
    if !in_order(&checkpoint.heads) {
        return Err(JoseRefusal::Malformed);
    }
    let jws = key.sign(TYP, checkpoint)?;
    if jws.len() > LONGEST { Err(JoseRefusal::Malformed) } else { Ok(jws) }
}

/// Verifies and reads a checkpoint. `keys` holds every key that ever signed one, the retired ones too.
pub fn read_checkpoint(jws: &str, keys: &[VerifyingKey]) -> Result<Checkpoint, CheckpointRefusal> {
    let claims = jose::verify(jws, keys, Some(TYP))?;
    let checkpoint: Checkpoint =
        serde_json::from_value(Value::Object(claims)).map_err(|_| CheckpointRefusal::Malformed)?;
    if in_order(&checkpoint.heads) { Ok(checkpoint) } else { Err(CheckpointRefusal::Malformed) }
}

/// The SHA-256 of a checkpoint's JWS text: what is time-stamped.
#[must_use]
pub fn checkpoint_digest(jws: &str) -> [u8; 32] {
    Sha256::digest(jws.as_bytes()).into()
}

/// The [`checkpoint_digest`] in base64url: what the next checkpoint names as `previous`.
#[must_use]
pub fn checkpoint_hash(jws: &str) -> String {
    URL_SAFE_NO_PAD.encode(checkpoint_digest(jws))
}

/// Reads all checkpoints from the first on and checks that they are one chain: numbered without gaps, each naming
/// the one before it, time not going back, and no head going back.
///
/// What a missing end of the list hides, only a copy of a checkpoint that was taken elsewhere can show.
///
/// # Errors
/// The first [`CheckpointFinding`]; the checkpoints before its place are in order.
pub fn verify_checkpoints<J: AsRef<str>>(
    list: impl IntoIterator<Item = J>,
    keys: &[VerifyingKey],
) -> Result<Vec<Checkpoint>, CheckpointFinding> {
    let mut read: Vec<Checkpoint> = Vec::new();
    let mut previous = String::new();
    for jws in list {
        let jws = jws.as_ref();
        let next = read_checkpoint(jws, keys)
            .map_err(CheckpointFault::Refused)
            .and_then(|next| follows(&next, read.last(), &previous).map(|()| next))
            .map_err(|fault| CheckpointFinding { position: read.len() + 1, fault })?;
        previous = checkpoint_hash(jws);
        read.push(next);
    }
    Ok(read)
}

fn follows(next: &Checkpoint, last: Option<&Checkpoint>, previous: &str) -> Result<(), CheckpointFault> {
    let expected = last.map_or(1, |last| last.n.saturating_add(1));
    if next.n != expected {
        return Err(CheckpointFault::Number { expected, found: next.n });
    }
    if next.previous != previous {
        return Err(CheckpointFault::Previous);
    }
    let Some(last) = last else { return Ok(()) };
    if next.at < last.at {
        return Err(CheckpointFault::Time);
    }
    let back = last.heads.iter().find(|old| {
        let new = next.heads.iter().find(|new| new.shard == old.shard);
        !new.is_some_and(|new| new.seq > old.seq || (new.seq == old.seq && new.hash == old.hash))
    });
    back.map_or(Ok(()), |old| Err(CheckpointFault::Head { shard: old.shard }))
}

#[cfg(test)]
mod tests {
    use nixa_protocol::jose::Algorithm;
    use serde_json::json;

    use super::*;

    fn key() -> (SigningKey, Vec<VerifyingKey>) {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        let public = vec![VerifyingKey::from_jwk(&key.public_jwk()).unwrap()];
        (key, public)
    }

    fn head(shard: i64, seq: i64) -> Head {
        Head { shard, seq, hash: format!("hash of {seq}") }
    }

    /// Signs checkpoints, each naming the one before it as a server would.
    fn signed(key: &SigningKey, checkpoints: Vec<Checkpoint>) -> Vec<String> {
        let mut previous = String::new();
        let mut list = Vec::new();
        for checkpoint in checkpoints {
            let jws = sign_checkpoint(key, &Checkpoint { previous, ..checkpoint }).unwrap();
            previous = checkpoint_hash(&jws);
            list.push(jws);
        }
        list
    }

    fn three() -> Vec<Checkpoint> {
        (1..=3)
            .map(|n| Checkpoint {
                n,
                at: 100 * n,
                previous: String::new(),
                heads: vec![head(0, 10 * n), head(1, 5), head(7, n)],
            })
            .collect()
    }

    #[test]
    fn signs_and_reads() {
        let (key, public) = key();
        let list = signed(&key, three());
        let read = verify_checkpoints(&list, &public).unwrap();
        assert_eq!(read.len(), 3);
        assert_eq!(read[2].previous, checkpoint_hash(&list[1]));
        assert_eq!(URL_SAFE_NO_PAD.decode(checkpoint_hash(&list[0])).unwrap(), checkpoint_digest(&list[0]));
        assert_eq!(read_checkpoint(&list[0], &public).unwrap(), three()[0]);
        assert_eq!(verify_checkpoints(Vec::<String>::new(), &public).unwrap(), []);
    }

    #[test]
    fn refuses_what_is_no_checkpoint() {
        let (key, public) = key();
        let (stranger, _) = self::key();
        let fine = three().remove(0);
        let foreign = sign_checkpoint(&stranger, &fine).unwrap();
        let other_typ = key.sign("JWT", &fine).unwrap();
        let not_one = key.sign(TYP, &json!({"n": 1})).unwrap();
        let heads = json!([{"shard": 1, "seq": 1, "hash": ""}, {"shard": 1, "seq": 2, "hash": ""}]);
        let twice = key.sign(TYP, &json!({"n": 1, "at": 1, "previous": "", "heads": heads})).unwrap();
        for (jws, refusal) in [
            (foreign.as_str(), CheckpointRefusal::Jose(JoseRefusal::UnknownKey)),
            (&other_typ, CheckpointRefusal::Jose(JoseRefusal::Type)),
            (&not_one, CheckpointRefusal::Malformed),
            (&twice, CheckpointRefusal::Malformed),
            ("", CheckpointRefusal::Jose(JoseRefusal::Malformed)),
        ] {
            assert_eq!(read_checkpoint(jws, &public), Err(refusal), "{jws}");
        }
        let unsorted = Checkpoint { heads: vec![head(2, 1), head(1, 1)], ..fine.clone() };
        assert_eq!(sign_checkpoint(&key, &unsorted), Err(JoseRefusal::Malformed));
        let many = |count: i64| Checkpoint {
            heads: (0..count).map(|shard| Head { shard, seq: 999_999_999, hash: "x".repeat(43) }).collect(),
            ..fine.clone()
        };
        assert!(read_checkpoint(&sign_checkpoint(&key, &many(140)).unwrap(), &public).is_ok());
        assert_eq!(sign_checkpoint(&key, &many(200)), Err(JoseRefusal::Malformed), "it could not be read");
    }

    #[test]
    fn the_checkpoints_are_a_chain() {
        let (key, public) = key();
        let first = |list: Vec<String>| verify_checkpoints(list, &public).unwrap_err();
        let change = |at: usize, edit: fn(&mut Checkpoint)| {
            let mut checkpoints = three();
            edit(&mut checkpoints[at]);
            first(signed(&key, checkpoints))
        };
        let list = signed(&key, three());
        let found = |position, fault| CheckpointFinding { position, fault };
        let number = |expected, found| CheckpointFault::Number { expected, found };
        assert_eq!(first(list[1..].to_vec()), found(1, number(1, 2)), "the first is gone");
        assert_eq!(first(vec![list[0].clone(), list[2].clone()]), found(2, number(2, 3)));
        assert_eq!(first(vec![list[0].clone(), list[0].clone()]), found(2, number(2, 1)));
        assert_eq!(first(vec![list[1].clone(), list[0].clone()]), found(1, number(1, 2)));
        assert_eq!(change(2, |c| c.at = 1), found(3, CheckpointFault::Time));
        assert_eq!(change(2, |c| c.heads[1].seq = 4), found(3, CheckpointFault::Head { shard: 1 }));
        assert_eq!(change(2, |c| c.heads[1].hash = "other".into()), found(3, CheckpointFault::Head { shard: 1 }));
        assert_eq!(change(1, |c| c.heads.truncate(2)), found(2, CheckpointFault::Head { shard: 7 }));
        let mut replaced = list.clone();
        replaced[0] = signed(&key, vec![Checkpoint { at: 99, ..three().remove(0) }]).remove(0);
        assert_eq!(first(replaced), found(2, CheckpointFault::Previous), "signed by us, and not what was followed");
        let refused = CheckpointFault::Refused(CheckpointRefusal::Jose(JoseRefusal::Malformed));
        assert_eq!(first(vec![list[0].clone(), "x".into()]), found(2, refused));
    }
}
