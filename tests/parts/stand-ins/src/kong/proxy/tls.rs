//! The proxy's certificates: those of the state by their SNIs, else one of its own.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::{default_provider, sign::any_supported_type};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use serde_json::Value;

use super::snapshot::Snapshot;

/// Chooses a certificate by the name that a client asks for.
pub struct Certificates {
    current: Arc<RwLock<Arc<Snapshot>>>,
    usual: Arc<CertifiedKey>,
}

impl Certificates {
    /// With a certificate made now for whatever no SNI names. Its subject is that of the one Kong makes.
    pub fn new(current: Arc<RwLock<Arc<Snapshot>>>) -> anyhow::Result<Self> {
        let mut params = rcgen::CertificateParams::new(Vec::<String>::new())?;
        let name = &mut params.distinguished_name;
        *name = rcgen::DistinguishedName::new();
        name.push(rcgen::DnType::CountryName, "US");
        name.push(rcgen::DnType::StateOrProvinceName, "California");
        name.push(rcgen::DnType::LocalityName, "San Francisco");
        name.push(rcgen::DnType::OrganizationName, "Kong");
        name.push(rcgen::DnType::OrganizationalUnitName, "IT Department");
        name.push(rcgen::DnType::CommonName, "localhost");
        let key = rcgen::KeyPair::generate()?;
        let certificate = params.self_signed(&key)?;
        let private = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
        let usual = CertifiedKey::new(vec![certificate.der().clone()], any_supported_type(&private)?);
        Ok(Self { current, usual: Arc::new(usual) })
    }

    /// What a listener needs.
    pub fn config(self) -> anyhow::Result<ServerConfig> {
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self));
        Ok(config)
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Certificates")
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let snapshot = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        let found = hello.server_name().and_then(|name| certificate(&snapshot, name));
        Some(found.map_or_else(|| Arc::clone(&self.usual), Arc::new))
    }
}

/// By the SNI of that name, else by one with a wildcard.
fn certificate(snapshot: &Snapshot, name: &str) -> Option<CertifiedKey> {
    let (first, rest) = name.split_once('.').unwrap_or((name, ""));
    let names = [name.to_owned(), format!("*.{rest}"), format!("{first}.*"), "*".to_owned()];
    let sni = names.iter().find_map(|name| snapshot.by("snis", "name", name))?;
    let pair = snapshot.state.referred(sni, "certificate", "certificates")?;
    let text = |field: &str| pair.get(field).and_then(Value::as_str);
    let chain: Vec<_> =
        CertificateDer::pem_slice_iter(text("cert")?.as_bytes()).collect::<Result<_, _>>().ok()?;
    let key = PrivateKeyDer::from_pem_slice(text("key")?.as_bytes()).ok()?;
    Some(CertifiedKey::new(chain, any_supported_type(&key).ok()?))
}

/// Trusts whoever answers: so does Kong, where `tls_verify` isn't set.
pub fn trusting() -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring speaks the default versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting))
        .with_no_client_auth()
}

#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}
