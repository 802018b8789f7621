//! HTTP to servers on loopback.

use std::time::Duration;

/// A client that goes past proxies, with ring as this process's TLS provider.
///
/// # Panics
/// Never, as long as a client needs no file of the system's.
pub fn http() -> reqwest::Client {
    tls();
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build();
    client.expect("a plain client needs nothing from its surroundings")
}

/// Makes ring this process's TLS provider, unless another is already.
pub(crate) fn tls() {
    // The error says that one is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
