//! The signature of a webhook, both ends of it: Standard Webhooks (standardwebhooks.com), with one more entry for those
//! who read the secret otherwise (wire.md 4).
//!
//! A secret is `whsec_` and base64. The specification, and every library of it, signs with the bytes that the base64
//! stands for; the Task API's first documentation and what was written by it sign with the characters of the secret as it
//! is spelled. The header may hold several signatures, one of which has to fit: so both are sent.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use base64::{Engine as _, alphabet};
use hmac::{Hmac, KeyInit, Mac as _};
use legwork_core::time::Micros;
use sha2::Sha256;

use crate::secret::Secret;

/// The header that names what is delivered: the same at every attempt.
pub const ID: &str = "webhook-id";
/// The header with the moment of the attempt, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// The header with the signatures, each as `v1,BASE64`, with spaces between them.
pub const SIGNATURE: &str = "webhook-signature";

/// How secrets are read: their padding may be left out.
const SECRET: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// How far a timestamp may be off, to either side.
pub const TOLERANCE: Duration = Duration::from_mins(5);

/// What of a secret is the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Both of the following, each in a signature of its own.
    #[default]
    Both,
    /// The bytes that the base64 behind `whsec_` stands for.
    Standard,
    /// The characters of the whole secret.
    Raw,
}

/// The text names no scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a scheme is one of both, standard, raw")]
pub struct NotAScheme;

impl FromStr for Scheme {
    type Err = NotAScheme;

    fn from_str(text: &str) -> Result<Self, NotAScheme> {
        match text {
            "both" => Ok(Self::Both),
            "standard" => Ok(Self::Standard),
            "raw" => Ok(Self::Raw),
            _ => Err(NotAScheme),
        }
    }
}

/// A secret made of these random bytes; the specification wants 24 to 64 of them.
pub fn secret_of(random: &[u8]) -> Secret {
    format!("{PREFIX}{}", BASE64_STANDARD.encode(random)).into()
}

/// Whether a secret can be used as the scheme wants it. The standard one needs base64; and what begins with `whsec_` is meant
/// to be that, so that a slip in it would have receivers refuse what is sent. Spaces are in no secret.
pub fn fits(secret: &Secret, scheme: Scheme) -> bool {
    let text = secret.reveal();
    let is_meant = text.starts_with(PREFIX);
    let is_whole = !text.contains(char::is_whitespace) && (!is_meant || !keys(secret, Scheme::Standard).is_empty());
    is_whole && !keys(secret, scheme).is_empty()
}

/// The value of the header [`SIGNATURE`]: one entry for each secret and each way to read it.
pub fn sign(secrets: &[Secret], scheme: Scheme, id: &str, timestamp: i64, body: &[u8]) -> String {
    let keys = secrets.iter().flat_map(|secret| keys(secret, scheme));
    let entries = keys
        .map(|key| format!("v1,{}", BASE64_STANDARD.encode(mac(&key, id, timestamp, body).finalize().into_bytes())));
    entries.collect::<Vec<_>>().join(" ")
}

/// What came in the headers of a webhook.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// The value of [`ID`].
    pub id: &'a str,
    /// The value of [`TIMESTAMP`].
    pub timestamp: &'a str,
    /// The value of [`SIGNATURE`].
    pub signature: &'a str,
}

/// Why a webhook is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// The timestamp is no number.
    #[error("its timestamp is no number of seconds")]
    NoTime,
    /// It is old, or from the future; what was recorded on the way could be played again.
    #[error("its timestamp is {off} s off, more than {} s", TOLERANCE.as_secs())]
    Stale {
        /// How far it is off, in seconds.
        off: u64,
    },
    /// No signature is one by a secret that we know.
    #[error("no signature of it fits")]
    NoMatch,
}

/// Whether one of these secrets, in one way or the other to read it, signed this body at about this time.
pub fn verify(secrets: &[Secret], signed: Signed<'_>, body: &[u8], now: Micros) -> Result<(), Unverified> {
    let timestamp: i64 = signed.timestamp.parse().map_err(|_| Unverified::NoTime)?;
    let entries = signed.signature.split(' ').filter_map(|entry| entry.strip_prefix("v1,"));
    let given: Vec<_> = entries.filter_map(|text| BASE64_STANDARD.decode(text).ok()).collect();
    let fits =
        |key: &Vec<u8>| given.iter().any(|given| mac(key, signed.id, timestamp, body).verify_slice(given).is_ok());
    if !secrets.iter().flat_map(|secret| keys(secret, Scheme::Both)).any(|key| fits(&key)) {
        return Err(Unverified::NoMatch);
    }
    let off = now.0.div_euclid(1_000_000).abs_diff(timestamp);
    if off > TOLERANCE.as_secs() { Err(Unverified::Stale { off }) } else { Ok(()) }
}

/// The keys that a secret stands for. What is no base64 has the raw one only.
fn keys(secret: &Secret, scheme: Scheme) -> Vec<Vec<u8>> {
    let text = secret.reveal();
    let standard = || SECRET.decode(text.strip_prefix(PREFIX).unwrap_or(text)).ok();
    let raw = || Some(text.as_bytes().to_owned());
    let keys = match scheme {
        Scheme::Both => [standard(), raw()],
        Scheme::Standard => [standard(), None],
        Scheme::Raw => [raw(), None],
    };
    keys.into_iter().flatten().filter(|key| !key.is_empty()).collect()
}

fn mac(key: &[u8], id: &str, timestamp: i64, body: &[u8]) -> Hmac<Sha256> {
    let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.chain_update(format!("{id}.{timestamp}.")).chain_update(body)
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Both => "both",
            Self::Standard => "standard",
            Self::Raw => "raw",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use super::*;

    const NOW: Micros = Micros(1_614_265_330_000_000);

    /// The example of the specification, whose signature stands in every library's tests.
    fn example() -> (Secret, &'static str, i64, &'static [u8]) {
        let secret = Secret::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        (secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#)
    }

    #[test]
    fn the_specifications_example_is_signed_as_it_says() {
        let (secret, id, at, body) = example();
        let signed = sign(&[secret], Scheme::Standard, id, at, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_secret_is_read_in_both_ways() {
        let (secret, id, at, body) = example();
        let other = Secret::from("just-words".to_owned());
        let sign = |secrets: &[Secret], scheme| sign(secrets, scheme, id, at, body);
        let both = sign(&[secret.clone(), other.clone()], Scheme::Both);
        let apart = [
            sign(from_ref(&secret), Scheme::Standard),
            sign(from_ref(&secret), Scheme::Raw),
            sign(from_ref(&other), Scheme::Raw),
        ];
        assert_eq!(both, apart.join(" "), "what is no base64 has one way only");
        assert!(!fits(&other, Scheme::Standard) && fits(&other, Scheme::Both) && fits(&secret, Scheme::Standard));
    }

    #[test]
    fn what_was_signed_is_believed_and_nothing_else() {
        let (secret, id, at, body) = example();
        let known = [Secret::from("whsec_b2xk".to_owned()), secret.clone()];
        for scheme in [Scheme::Both, Scheme::Standard, Scheme::Raw] {
            let (timestamp, signature) = (at.to_string(), sign(from_ref(&secret), scheme, id, at, body));
            let signed = Signed { id, timestamp: &timestamp, signature: &signature };
            let check = |signed, body: &[u8], now| verify(&known, signed, body, now);
            assert_eq!(check(signed, body, NOW), Ok(()), "{scheme}");
            assert_eq!(check(signed, b"{}", NOW), Err(Unverified::NoMatch));
            assert_eq!(check(Signed { id: "msg_other", ..signed }, body, NOW), Err(Unverified::NoMatch));
            assert_eq!(check(Signed { timestamp: "1614265331", ..signed }, body, NOW), Err(Unverified::NoMatch));
            assert_eq!(check(Signed { timestamp: "soon", ..signed }, body, NOW), Err(Unverified::NoTime));
            assert_eq!(check(Signed { signature: "v1,AAAA v2,x", ..signed }, body, NOW), Err(Unverified::NoMatch));
            assert_eq!(verify(&known[..1], signed, body, NOW), Err(Unverified::NoMatch));
            assert_eq!(check(signed, body, NOW + TOLERANCE), Ok(()));
            let late = NOW + TOLERANCE + Duration::from_secs(1);
            assert_eq!(check(signed, body, late), Err(Unverified::Stale { off: 301 }));
        }
    }

    #[test]
    fn a_slip_in_a_secret_is_noticed() {
        let fits = |text: &str| fits(&Secret::from(text.to_owned()), Scheme::Both);
        assert!(fits("whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eQ"), "without its padding it says the same");
        assert!(fits("words") && !fits("two words"));
        for odd in ["whsec_not-base64!", "whsec_", " whsec_c2VjcmV0", "whsec_c2VjcmV0 whsec_b3RoZXI="] {
            assert!(!fits(odd), "{odd:?}");
        }
        let (secret, id, at, body) = example();
        let bare = Secret::from(secret.reveal().trim_end_matches('=').to_owned());
        assert_eq!(sign(&[bare], Scheme::Standard, id, at, body), sign(&[secret], Scheme::Standard, id, at, body));
    }

    #[test]
    fn an_empty_secret_signs_nothing() {
        for text in ["", "whsec_"] {
            let secret = Secret::from(text.to_owned());
            assert!(!fits(&secret, Scheme::Standard), "{text:?}");
        }
        assert_eq!(sign(&[Secret::from(String::new())], Scheme::Both, "i", 1, b""), "");
    }
}
