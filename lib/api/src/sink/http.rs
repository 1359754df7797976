//! Signed records that are sent over HTTP, as a person asks for it.

#![allow(unreachable_pub, reason = "`KubeSchema` repeats the type, with its visibility, inside a function")]

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::source::SecretRef;

/// A service that signed records are sent to.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpSink {
    /// Where they are sent: `https://HOST/PATH`, or `http://127.0.0.1:PORT/PATH` on the same machine.
    #[schemars(length(min = 1, max = 1024))]
    #[x_kube(validation = Rule::new(r"self.startsWith('https://') || self.matches('^http://(localhost|127[.]0[.]0[.]1|\\[::1\\])(:[0-9]+)?(/|$)')")
        .message("must begin with https://, or be of this machine, such as http://127.0.0.1:8080/signed"))]
    #[x_kube(validation = Rule::new("!self.matches('^[a-z]+://[^/]*@')")
        .message("must not hold a password; requests are signed with the key that secretRef names"))]
    pub url: String,

    /// The Secret of the run's namespace whose key `secret` requests are signed with, as Standard Webhooks has it. It may have
    /// `token`, which is shown as a bearer token, and ca.crt, the certificates in PEM of the authorities that vouch for the service, in the place of the public ones. `chancery run` has no
    /// Secrets: it takes the key from CHANCERY_WEBHOOK_SECRET in its own environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "SecretRef")]
    pub secret_ref: Option<SecretRef>,
}
