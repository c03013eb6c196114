//! How webhooks will be called.

use std::net::Ipv6Addr;

use legwork_api::secret::Secret;
use legwork_api::signature::{Scheme, fits};
use legwork_api::webhook::Output;
use legwork_server::config::{Targets, Webhooks};
use url::{Host, Url};

use super::{BadConfig, texts};
use crate::args::{OutputArg, SignatureArg, WebhookArgs};
use crate::config_file::ConfigFile;

/// What was typed before what stands in the file.
pub(super) fn webhooks(args: WebhookArgs, file: &ConfigFile) -> Result<Webhooks, BadConfig> {
    let or_file = |typed: Vec<String>, in_file: &[String]| if typed.is_empty() { in_file.to_vec() } else { typed };
    let scheme = args.webhook_signature.or(file.webhook_signature).map_or(Scheme::Both, Scheme::from);
    let secrets = secrets(or_file(args.webhook_secrets, &file.webhook_secrets), scheme)?;
    let output = args.webhook_output.or(file.webhook_output).map_or(Output::Always, Output::from);
    let targets = Targets {
        private: args.allow_private_targets || file.allow_private_targets,
        hosts: hosts(or_file(args.allow_targets, &file.allow_targets), BadConfig::AllowedTarget)?,
    };
    Ok(Webhooks { secrets, scheme, output, targets })
}

/// Secrets that can be signed with, as they were given or in the files that were named.
pub(crate) fn secrets(given: Vec<String>, scheme: Scheme) -> Result<Vec<Secret>, BadConfig> {
    let secrets: Vec<Secret> = texts(given)?.into_iter().map(Secret::from).collect();
    if secrets.iter().all(|secret| fits(secret, scheme)) { Ok(secrets) } else { Err(BadConfig::Secret) }
}

/// Hosts as URLs have them, each with or without a port; `odd` says of one that it is none.
pub(super) fn hosts(given: Vec<String>, odd: fn(String) -> BadConfig) -> Result<Vec<String>, BadConfig> {
    let host = |text: String| {
        if let Ok(ip) = text.parse::<Ipv6Addr>() {
            return Ok(format!("[{ip}]"));
        }
        // A name stands for itself, never for others.
        if text.contains('*') {
            return Err(odd(text));
        }
        let read =
            Url::parse(&format!("http://{text}")).ok().filter(|url| url.path() == "/" && url.username().is_empty());
        let is_bare = |text: &str| Host::parse(text).is_ok();
        match read.as_ref().and_then(Url::host_str) {
            // The port of the scheme would be dropped, so what was typed is kept.
            Some(host) if is_bare(&text) => Ok(host.to_owned()),
            Some(host) => match text.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()) {
                Some(port) => Ok(format!("{host}:{port}")),
                None => Err(odd(text)),
            },
            None => Err(odd(text)),
        }
    };
    given.into_iter().map(host).collect()
}

impl From<SignatureArg> for Scheme {
    fn from(arg: SignatureArg) -> Self {
        match arg {
            SignatureArg::Both => Self::Both,
            SignatureArg::Standard => Self::Standard,
            SignatureArg::Raw => Self::Raw,
        }
    }
}

impl From<OutputArg> for Output {
    fn from(arg: OutputArg) -> Self {
        match arg {
            OutputArg::Always => Self::Always,
            OutputArg::GuideForm => Self::GuideForm,
            OutputArg::Never => Self::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(args: WebhookArgs) -> Result<Webhooks, BadConfig> {
        webhooks(args, &ConfigFile { allow_targets: vec!["in.file".to_owned()], ..ConfigFile::default() })
    }

    fn allowed(targets: &[&str]) -> Result<Vec<String>, BadConfig> {
        let allow_targets = targets.iter().map(|text| (*text).to_owned()).collect();
        resolved(WebhookArgs { allow_targets, ..WebhookArgs::default() }).map(|webhooks| webhooks.targets.hosts)
    }

    #[test]
    fn hosts_are_read_as_urls_have_them() {
        assert_eq!(allowed(&[]).unwrap(), ["in.file"]);
        let given = ["Hooks.LAN", "hooks.lan:9000", "10.0.0.1:80", "0x7f.1", "[::1]", "[::1]:443", "::1"];
        let read = ["hooks.lan", "hooks.lan:9000", "10.0.0.1:80", "127.0.0.1", "[::1]", "[::1]:443", "[::1]"];
        assert_eq!(allowed(&given).unwrap(), read);
        for odd in ["", "*.lan", "http://a", "a/b", "a:b", "u@a", "a b"] {
            assert!(matches!(allowed(&[odd]), Err(BadConfig::AllowedTarget(_))), "{odd}");
        }
    }

    #[test]
    fn a_secret_that_cannot_sign_is_refused() {
        let with = |secret: &str, signature| {
            let webhook_secrets = vec![secret.to_owned()];
            resolved(WebhookArgs { webhook_secrets, webhook_signature: signature, ..WebhookArgs::default() })
        };
        assert_eq!(with("whsec_c2VjcmV0", Some(SignatureArg::Standard)).unwrap().secrets.len(), 1);
        assert_eq!(with("words", None).unwrap().secrets.len(), 1);
        assert!(matches!(with("words", Some(SignatureArg::Standard)), Err(BadConfig::Secret)));
        assert!(with("", None).is_err());
    }
}
