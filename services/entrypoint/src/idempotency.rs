//! A request that is sent again is one request.

use blobs::records::Idempotent;
use bootstrap::HttpError;
use domain::{Options, Revision, SourceFile, TaskId, TenantName};
use sha2::{Digest, Sha256};

use crate::{Entry, intake::Intake};

/// What a request asks for, hashed: the same key with another hash is another request.
pub fn digest(what: &str, options: &Options, files: &[SourceFile]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(what.len().to_le_bytes());
    hasher.update(what);
    hasher.update(serde_json::to_vec(options).expect("options are a map of scalars"));
    Intake::hash_into(files, &mut hasher);
    hex(&hasher.finalize())
}

/// How a key is kept: it is its client's own, and may be long.
pub fn hashed(key: &str) -> String {
    hex(&Sha256::digest(key))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        text.push(char::from_digit(u32::from(byte >> 4), 16).expect("four bits"));
        text.push(char::from_digit(u32::from(byte & 15), 16).expect("four bits"));
        text
    })
}

impl Entry {
    /// The task and number that a key stands for: those given, where the key is new, else the first try's.
    /// `true`: the key was sent before.
    pub async fn once(
        &self,
        tenant: &TenantName,
        key: &str,
        digest: &str,
        id: TaskId,
        n: Revision,
    ) -> Result<(TaskId, Revision, bool), HttpError> {
        match self.context.records.idempotency(tenant, &hashed(key), digest, id, n).await? {
            Idempotent::New => Ok((id, n, false)),
            Idempotent::Same { id, n } => Ok((id, n, true)),
            Idempotent::OtherBody => {
                let detail = "the Idempotency-Key was used for another request; take a new one";
                Err(HttpError::unprocessable("idempotency-key-reused", detail))
            }
        }
    }
}
