//! Free ports on loopback.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{LazyLock, Mutex, PoisonError};

/// Below the range that the kernel takes ports of outgoing connections from (32768 on Linux, 49152 on
/// macOS), so that no connection takes a port between this choice and the server's own bind.
const RANGE: std::ops::Range<u16> = 15_000..32_000;

static GIVEN: LazyLock<Mutex<BTreeSet<u16>>> = LazyLock::new(Mutex::default);

/// A port on 127.0.0.1 that nothing listens on, and that this process was not given before.
///
/// # Panics
/// Where no port is free in the whole range.
pub fn free_port() -> u16 {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let port = (0..10_000)
        .map(|_| rand::random_range(RANGE))
        .find(|port| !given.contains(port) && TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("thousands of ports are free on a machine that runs tests");
    given.insert(port);
    port
}
