//! A certificate authority of the cluster's own, and kubeconfigs.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::programs;

/// What each certificate is good for.
const AUTHORITY: &str = "basicConstraints=critical,CA:TRUE";
const LEAF: &str = "basicConstraints=critical,CA:FALSE";
const SERVER: &str = "subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:kubernetes.default.svc";
const CLIENT: &str = "extendedKeyUsage=clientAuth";

/// Certificates in a folder.
#[derive(Debug)]
pub(super) struct Pki {
    folder: PathBuf,
    openssl: PathBuf,
}

impl Pki {
    /// Makes the authority, the API server's certificate and the key that signs ServiceAccounts' tokens.
    pub fn create(cluster: &Path) -> Self {
        let pki = Self::open(cluster);
        std::fs::create_dir_all(&pki.folder).expect("a folder of our own is writable");
        // The system's own configuration would make every certificate an authority.
        write_whole(&pki.file("openssl.cnf"), "[req]\ndistinguished_name = none\n[none]\n");
        pki.openssl(
            "ca",
            "/CN=marea-test-ca",
            &["-addext", AUTHORITY, "-addext", "keyUsage=keyCertSign,digitalSignature"],
        );
        pki.sign("server", "/CN=kube-apiserver", SERVER);
        pki.sign("service-accounts", "/CN=service-accounts", CLIENT);
        pki.sign("front-proxy", "/CN=front-proxy", CLIENT);
        pki
    }

    /// The authority that [`Pki::create`] made.
    pub fn open(cluster: &Path) -> Self {
        let [openssl] = programs::find(["openssl"]).expect("the cluster was started with openssl installed");
        Self { folder: cluster.join("pki"), openssl }
    }

    /// The file of a certificate or key.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A kubeconfig with a client certificate of that user; made once.
    pub fn kubeconfig(&self, server: &str, user: &str, groups: &[&str]) -> PathBuf {
        let name: String = user.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let name = if groups.is_empty() { name } else { format!("{name}.{}", groups.join("+").replace(':', "-")) };
        let path = self.file(&format!("{name}.kubeconfig"));
        if !path.exists() {
            let organisations: String = groups.iter().map(|group| format!("/O={group}")).collect();
            self.sign(&name, &format!("{organisations}/CN={user}"), CLIENT);
            write_whole(&path, &self.kubeconfig_text(server, &name));
        }
        path
    }

    fn kubeconfig_text(&self, server: &str, name: &str) -> String {
        let authority = self.file("ca.crt");
        let (certificate, key) = (self.file(&format!("{name}.crt")), self.file(&format!("{name}.key")));
        // JSON is YAML.
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": server, "certificate-authority": authority}}],
            "users": [{"name": "test", "user": {"client-certificate": certificate, "client-key": key}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        });
        config.to_string()
    }

    fn sign(&self, name: &str, subject: &str, extension: &str) {
        let (authority, key) = (self.file("ca.crt"), self.file("ca.key"));
        let (authority, key) = (authority.to_string_lossy(), key.to_string_lossy());
        self.openssl(name, subject, &["-CA", &authority, "-CAkey", &key, "-addext", LEAF, "-addext", extension]);
    }

    fn openssl(&self, name: &str, subject: &str, further: &[&str]) {
        let mut command = Command::new(&self.openssl);
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        command.arg("-config").arg(self.file("openssl.cnf"));
        command.args(["-days", "7", "-subj", subject]).args(further);
        command.arg("-keyout").arg(self.file(&format!("{name}.key")));
        command.arg("-out").arg(self.file(&format!("{name}.crt")));
        let output = command.output().expect("openssl was found and is executable");
        assert!(output.status.success(), "no certificate {name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// By rename: another test may look whether the file is there in this instant.
fn write_whole(path: &Path, text: &str) {
    let partial = path.with_extension(format!("{}.{:?}", std::process::id(), std::thread::current().id()));
    let written = std::fs::write(&partial, text).and_then(|()| std::fs::rename(&partial, path));
    written.expect("a folder of our own is writable");
}
