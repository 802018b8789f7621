//! Tokens: made, parsed, compared.

use domain::{
    Tenant, TenantName,
    access::{Scope, Token},
};
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Secret;

/// Bytes of a token's public part.
const ID_BYTES: usize = 6;
/// Bytes of its secret part: 256 random bits, so that a fast hash suffices.
const SECRET_BYTES: usize = 32;

/// A new token: what is stored, and what its holder gets, once.
pub fn issue(
    tenant: TenantName,
    scopes: impl IntoIterator<Item = Scope>,
    expires: Option<Timestamp>,
    note: String,
) -> (Token, Secret) {
    let (id, secret) =
        (hex::encode(rand::random::<[u8; ID_BYTES]>()), hex::encode(rand::random::<[u8; SECRET_BYTES]>()));
    let shown = Secret::from(format!("mrt_{id}_{secret}"));
    let scopes = scopes.into_iter().collect();
    (Token { id, hash: hash(&secret), tenant, scopes, expires, created: Timestamp::now(), note }, shown)
}

/// The public and the secret part of a presented token.
pub(super) fn parse(presented: &str) -> Option<(&str, &str)> {
    let (id, secret) = presented.strip_prefix("mrt_")?.split_once('_')?;
    let hexadecimal = |part: &str, bytes| part.len() == 2 * bytes && part.bytes().all(|b| b.is_ascii_hexdigit());
    (hexadecimal(id, ID_BYTES) && hexadecimal(secret, SECRET_BYTES)).then_some((id, secret))
}

/// Whether the secret is this token's, in a time that tells nothing of where they differ.
pub(super) fn verify(token: Option<&Token>, secret: &str) -> bool {
    // An unknown id costs the same hash and comparison.
    let expected = token.map_or("", |t| t.hash.as_str());
    hash(secret).as_bytes().ct_eq(expected.as_bytes()).into()
}

fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

/// What a token looks like, and how to make one without a server.
pub const TOKEN_HINT: &str =
    "expected mrt_<12 hexadecimal digits>_<64>, made by: echo mrt_$(openssl rand -hex 6)_$(openssl rand -hex 32)";

/// Whether a text looks like a token, `mrt_<id>_<secret>`, whoever it may belong to.
pub fn is_token(token: &Secret) -> bool {
    parse(token.expose()).is_some()
}

/// The configured administrator's token, where it is well formed.
pub(super) fn of_configuration(admin: &Secret) -> Option<Token> {
    let (id, secret) = parse(admin.expose())?;
    let tenant = platform_tenant().name;
    let (id, hash) = (id.to_owned(), hash(secret));
    let note = "of the configuration".to_owned();
    Some(Token { id, hash, tenant, scopes: [Scope::Admin].into(), expires: None, created: Timestamp::UNIX_EPOCH, note })
}

/// Whom the configured administrator acts for: a tenant without a namespace, which can run nothing.
pub(super) fn platform_tenant() -> Tenant {
    let name = "platform".parse().expect("`platform` is a label");
    Tenant { name, namespaces: vec![], every_namespace: false, allow: [].into(), ..Tenant::local() }
}
