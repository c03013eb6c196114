//! Whose secret signs what: a run's own goes first, then those that the operator gave, then the owner's, which is made of
//! the store's seal: there from the first start, the same for ever, and another for each key.

use hmac::{Hmac, KeyInit, Mac as _};
use legwork_api::secret::Secret;
use legwork_api::signature::{self, Scheme};
use legwork_core::delivery::Webhook;
use legwork_core::id::Owner;
use sha2::Sha256;

/// The secrets of a server. They are shown by nothing: no `Debug`.
#[derive(Clone)]
pub(crate) struct Secrets {
    seal: [u8; 32],
    given: Vec<Secret>,
    scheme: Scheme,
}

impl Secrets {
    pub(crate) const fn new(seal: [u8; 32], given: Vec<Secret>, scheme: Scheme) -> Self {
        Self { seal, given, scheme }
    }

    /// What an owner's webhooks are signed with, by all of them.
    pub(crate) fn of(&self, owner: &Owner) -> Vec<Secret> {
        if !self.given.is_empty() {
            return self.given.clone();
        }
        let mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.seal).expect("HMAC takes keys of any length");
        let mac = mac.chain_update(b"webhook\0").chain_update(owner.as_str());
        vec![signature::secret_of(&mac.finalize().into_bytes())]
    }

    /// What the calls of a run's webhook are signed with.
    pub(super) fn for_webhook(&self, webhook: &Webhook, owner: &Owner) -> Vec<Secret> {
        webhook.secret.clone().map_or_else(|| self.of(owner), |own| vec![own.into()])
    }

    /// How they are read.
    pub(crate) const fn scheme(&self) -> Scheme {
        self.scheme
    }
}

#[cfg(test)]
mod tests {
    use legwork_core::delivery::Form;

    use super::*;

    fn revealed(secrets: &[Secret]) -> Vec<&str> {
        secrets.iter().map(Secret::reveal).collect()
    }

    #[test]
    fn each_owner_has_a_secret_that_stays() {
        let secrets = Secrets::new([7; 32], Vec::new(), Scheme::Both);
        let (one, two) = (secrets.of(&Owner::named("key_1")), secrets.of(&Owner::named("key_2")));
        assert_ne!(one, two);
        assert_eq!(one, Secrets::new([7; 32], Vec::new(), Scheme::Raw).of(&Owner::named("key_1")));
        assert_ne!(one, Secrets::new([8; 32], Vec::new(), Scheme::Both).of(&Owner::named("key_1")));
        assert!(revealed(&one)[0].starts_with("whsec_") && signature::fits(&one[0], Scheme::Standard));
    }

    #[test]
    fn a_runs_own_secret_goes_before_the_operators_and_those_before_the_owners() {
        let given: Vec<Secret> = ["new", "old"].map(|text| text.to_owned().into()).to_vec();
        let secrets = Secrets::new([7; 32], given, Scheme::Both);
        let mut webhook = Webhook {
            url: "https://a.example/".to_owned(),
            receiver: "a.example:443".to_owned(),
            secret: None,
            form: Form::Official,
        };
        assert_eq!(revealed(&secrets.for_webhook(&webhook, &Owner::local())), ["new", "old"]);
        webhook.secret = Some("mine".to_owned());
        assert_eq!(revealed(&secrets.for_webhook(&webhook, &Owner::local())), ["mine"]);
    }
}
