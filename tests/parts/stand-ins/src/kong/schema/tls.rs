//! Certificates and keys.

use rustls::crypto::ring::sign::any_supported_type;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// A certificate in PEM.
///
/// # Errors
/// It isn't one: Kong's words up to the colon, behind which Kong shows OpenSSL's.
pub fn certificate(pem: &str) -> Result<CertificateDer<'static>, String> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes());
    let der = der.map_err(|error| format!("invalid certificate: x509.new: {error}"))?;
    match X509Certificate::from_der(&der) {
        Ok(_) => Ok(der.clone()),
        Err(error) => Err(format!("invalid certificate: x509.new: {error}")),
    }
}

/// A private key in PEM.
///
/// # Errors
/// It isn't one.
pub fn key(pem: &str) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|error| format!("invalid key: pkey.new:load_key: {error}"))
}

/// Whether a text is a public key in PEM.
pub fn is_public_key(pem: &str) -> bool {
    SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
        .is_ok_and(|der| x509_parser::x509::SubjectPublicKeyInfo::from_der(&der).is_ok())
}

/// The SHA-256 of a certificate, as `cert_digest` has it.
pub fn digest(pem: &str) -> Option<String> {
    let digest = Sha256::digest(certificate(pem).ok()?);
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The checks between a certificate's fields: its key fits, it is an authority's.
pub fn check(names: &[&str], entity: &Map<String, Value>) -> Result<(), String> {
    let text = |name: &str| entity.get(name).and_then(Value::as_str);
    let Some(cert) = names.first().and_then(|name| text(name)) else { return Ok(()) };
    let der = certificate(cert)?;
    let Ok((_, parsed)) = X509Certificate::from_der(&der) else { return Ok(()) };
    match names {
        [_] => match parsed.is_ca() {
            true => Ok(()),
            false => {
                let what = "is missing the \"CA\" basic constraint";
                Err(format!("certificate does not appear to be a CA because it {what}"))
            }
        },
        [_, private] if private.starts_with("key") => {
            let Some(private) = text(private) else { return Ok(()) };
            let signing = any_supported_type(&key(private)?).ok();
            let public = signing.as_ref().and_then(|key| key.public_key());
            match public.is_some_and(|public| public.as_ref() == parsed.public_key().raw) {
                true => Ok(()),
                false => Err("certificate does not match key".to_owned()),
            }
        }
        _ => Ok(()),
    }
}
