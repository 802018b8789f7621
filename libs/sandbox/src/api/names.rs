//! Names: which ones are allowed, and the ones that the cluster makes.

/// Five letters and digits that follow from `text`, as the API server appends them to a generated name.
pub(crate) fn suffix(text: &str) -> String {
    encode(hash(text), 5)
}

/// Up to ten letters and digits that follow from `text`, as a Deployment's pod template hash.
pub(crate) fn template_hash(text: &str) -> String {
    encode(hash(text), 10)
}

/// FNV-1a, 64 bits.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// `k8s.io/apimachinery/pkg/util/rand`'s alphabet: no vowels, so that no words come up.
fn encode(mut number: u64, length: usize) -> String {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let base = LETTERS.len() as u64;
    let mut next = || {
        let place = usize::try_from(number % base).expect("below 27");
        number /= base;
        char::from(LETTERS[place])
    };
    (0..length).map(|_| next()).collect()
}

fn is_alphanumeric(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// RFC 1123 label: what Services and Namespaces are named by, and ports.
pub(crate) fn is_label(name: &str) -> bool {
    let bytes = name.as_bytes();
    let ends = bytes.first().zip(bytes.last());
    bytes.len() <= 63
        && ends.is_some_and(|(a, z)| is_alphanumeric(*a) && is_alphanumeric(*z))
        && bytes.iter().all(|b| is_alphanumeric(*b) || *b == b'-')
}

/// RFC 1123 subdomain: what most objects are named by.
pub(crate) fn is_subdomain(name: &str) -> bool {
    let part = |p: &str| is_label(p) || (p.len() > 63 && is_label(&p[..63]) && p.bytes().all(|b| b != b'_'));
    name.len() <= 253 && !name.is_empty() && name.split('.').all(part)
}

/// What the rest of the names must be: they stand in a path.
pub(crate) fn is_path_segment(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '%'])
}
