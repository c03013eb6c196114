//! Where a database is, as its URL says: what is PostgreSQL's own is read by its library, what is said of TLS and what is
//! meant for us is read here.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::BuilderVerifierExt as _;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Config, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::DatabaseUrl;

/// A connection's bytes under TLS.
pub(super) type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// What a URL says, read.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
    /// Behind a proxy that hands out connections by transaction.
    pub(super) is_pooled: bool,
    /// Whether nodes tell each other of changes; else each looks once a second.
    pub(super) has_hints: bool,
}

/// Why a URL cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// PostgreSQL's library does not understand it.
    #[error("the URL of the database is wrong")]
    Url(#[source] tokio_postgres::Error),
    /// A parameter of ours has a value that it cannot have.
    #[error("`{name}={value}` in the URL of the database is wrong: {may}")]
    Parameter {
        /// Its name.
        name: &'static str,
        /// What was given.
        value: String,
        /// What it may be.
        may: &'static str,
    },
    /// The certificates to trust cannot be read.
    #[error("the certificates in {} cannot be read", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// TLS cannot be had with that.
    #[error("TLS cannot be used with these certificates")]
    Tls(#[source] rustls::Error),
}

/// How far a server's certificate is trusted, as libpq names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    /// Whatever it shows: what is sent is hidden from those who only listen.
    Any,
    /// It has to be signed by whom we trust.
    Signed,
    /// And be that server's.
    Full,
}

impl Address {
    /// Reads a URL. The parameters `sslmode` and `sslrootcert` mean what they mean to libpq; `pooled` and `hints` are ours.
    pub(super) fn of(url: &DatabaseUrl) -> Result<Self, AddressError> {
        let (base, query) = url.secret().split_once('?').unwrap_or((url.secret(), ""));
        let (mut rest, mut roots) = (Vec::new(), None);
        let (mut mode, mut trust, mut is_pooled, mut has_hints) = (SslMode::Prefer, Trust::Any, false, true);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "pooled" => is_pooled = switch("pooled", value)?,
                "hints" => has_hints = switch("hints", value)?,
                "sslmode" => (mode, trust) = ssl_mode(value)?,
                "sslrootcert" => roots = Some(decoded(value)).filter(|path| path != "system").map(PathBuf::from),
                _ => rest.push(pair),
            }
        }
        let text = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        let mut config: Config = text.parse().map_err(AddressError::Url)?;
        config.ssl_mode(mode).connect_timeout(Duration::from_secs(5));
        // A network that eats what is sent says nothing of it.
        config
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3);
        config.tcp_user_timeout(Duration::from_secs(10));
        if config.get_application_name().is_none() {
            config.application_name("legwork");
        }
        // As with libpq: who names the roots wants them to be looked at.
        let trust =
            if roots.is_some() && trust == Trust::Any && mode == SslMode::Require { Trust::Signed } else { trust };
        let tls = MakeRustlsConnect::new(tls(trust, roots)?);
        // Who shares connections by transaction cannot listen on one.
        Ok(Self { config, tls, is_pooled, has_hints: has_hints && !is_pooled })
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Address").field("is_pooled", &self.is_pooled).finish_non_exhaustive()
    }
}

fn switch(name: &'static str, value: &str) -> Result<bool, AddressError> {
    match value {
        "" | "true" | "on" | "yes" | "1" => Ok(true),
        "false" | "off" | "no" | "0" => Ok(false),
        _ => Err(AddressError::Parameter { name, value: value.to_owned(), may: "it is on or off" }),
    }
}

fn ssl_mode(value: &str) -> Result<(SslMode, Trust), AddressError> {
    let may = "it is one of disable, prefer, require, verify-ca, verify-full";
    Ok(match value {
        "disable" => (SslMode::Disable, Trust::Any),
        "prefer" | "allow" => (SslMode::Prefer, Trust::Any),
        "require" => (SslMode::Require, Trust::Any),
        "verify-ca" => (SslMode::Require, Trust::Signed),
        "verify-full" => (SslMode::Require, Trust::Full),
        _ => return Err(AddressError::Parameter { name: "sslmode", value: value.to_owned(), may }),
    })
}

/// A value of a URL as it is meant.
fn decoded(value: &str) -> String {
    let value = value.replace('+', "%2B");
    url::form_urlencoded::parse(format!("v={value}").as_bytes()).next().map(|(_, v)| v.into_owned()).unwrap_or_default()
}

fn tls(trust: Trust, roots: Option<PathBuf>) -> Result<ClientConfig, AddressError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone());
    let builder = builder.with_safe_default_protocol_versions().map_err(AddressError::Tls)?;
    let trusted = match roots {
        None => None,
        Some(path) => Some(certificates(&path)?),
    };
    Ok(match (trust, trusted) {
        (Trust::Full, None) => builder.with_platform_verifier().map_err(AddressError::Tls)?.with_no_client_auth(),
        (Trust::Full, Some(roots)) => builder.with_root_certificates(roots).with_no_client_auth(),
        (Trust::Any, _) => builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyName { provider, signed_by: None }))
            .with_no_client_auth(),
        (Trust::Signed, roots) => {
            let inner = match roots {
                Some(roots) => {
                    rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
                        .build()
                        .map_err(|odd| AddressError::Tls(rustls::Error::General(odd.to_string())))?
                        as Arc<dyn ServerCertVerifier>
                }
                None => Arc::new(rustls_platform_verifier::Verifier::new(provider.clone()).map_err(AddressError::Tls)?),
            };
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyName { provider, signed_by: Some(inner) }))
                .with_no_client_auth()
        }
    })
}

fn certificates(path: &Path) -> Result<RootCertStore, AddressError> {
    let failed = |source| AddressError::Certificates { path: path.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(failed)? {
        roots.add(certificate.map_err(failed)?).map_err(AddressError::Tls)?;
    }
    Ok(roots)
}

/// Trusts a certificate whatever server it names, and, without `signed_by`, whoever signed it.
#[derive(Debug)]
struct AnyName {
    provider: Arc<CryptoProvider>,
    signed_by: Option<Arc<dyn ServerCertVerifier>>,
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        server: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(verifier) = &self.signed_by else { return Ok(ServerCertVerified::assertion()) };
        match verifier.verify_server_cert(certificate, between, server, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                rustls::CertificateError::NotValidForName | rustls::CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            judged => judged,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<Address, AddressError> {
        Address::of(&DatabaseUrl::new(url.to_owned()))
    }

    #[test]
    fn what_is_ours_in_a_url_is_read_and_the_rest_is_left_to_postgres() {
        let plain = read("postgres://me:secret@db.example.com:6432/legwork").unwrap();
        assert!(!plain.is_pooled && plain.has_hints);
        assert_eq!(plain.config.get_ssl_mode(), SslMode::Prefer);
        let all = read("postgresql://me@db/legwork?pooled=true&sslmode=require&application_name=mine").unwrap();
        assert!(all.is_pooled && !all.has_hints, "who shares connections cannot listen");
        assert_eq!((all.config.get_ssl_mode(), all.config.get_application_name()), (SslMode::Require, Some("mine")));
        assert!(!read("postgres://db/legwork?hints=off").unwrap().has_hints);
        for odd in
            ["?pooled=perhaps", "?sslmode=maybe", "?unheard_of=1", "?sslmode=verify-full&sslrootcert=/nowhere.pem"]
        {
            assert!(read(&format!("postgres://db/legwork{odd}")).is_err(), "{odd}");
        }
    }
}
