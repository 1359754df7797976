//! Signing a batch: one by one, and of RS256, ES256 and EdDSA by the kernel where the processor has its instructions.

use crate::{BatchOutcome, Library, SignError, Signatures, SigningKey};

impl SigningKey {
    /// What signs a batch of so many records with this key: the kernel, where the processor has its instructions and
    /// the records are enough to pay for eight lanes; libsecp256k1 for ES256K; else AWS-LC.
    #[must_use]
    pub const fn library(&self, records: u64) -> Library {
        match &self.lockstep {
            Some(lockstep) if records >= lockstep.least() => Library::Kernel,
            _ => self.pair.library(),
        }
    }

    /// Signs the payloads of a batch of `records` records, all of them or a part, and appends the signatures, in the same
    /// order. [`SigningKey::library`] says for the whole batch what signs it; where an algorithm signs a payload always alike, the bytes
    /// are the same.
    ///
    /// Before each record, or each eight of the kernel's, it asks `still_ours`, and begins nothing more when the answer is no: the
    /// lease on the key may have run out. The answer should cost less than a signature; a look at the monotonic clock
    /// does. After the last record nothing is asked: whoever stores the signatures checks the lease anyway.
    ///
    /// Memory for all signatures is taken once, by the iterator's lower size hint.
    ///
    /// # Errors
    ///
    /// [`SignError::SignatureLength`] when `signatures` is made for another length, before
    /// anything is signed; [`SignError::Failed`] when the library fails, [`SignError::Lockstep`] when the kernel does, with
    /// the signatures made until then left in place.
    pub fn sign_batch<'a>(
        &self,
        records: u64,
        payloads: impl Iterator<Item = &'a [u8]>,
        mut still_ours: impl FnMut() -> bool,
        signatures: &mut Signatures,
    ) -> Result<BatchOutcome, SignError> {
        if signatures.signature_len() != self.signature_len {
            return Err(SignError::SignatureLength {
                key: self.id,
                wanted: self.signature_len,
                given: signatures.signature_len(),
            });
        }
        signatures.reserve(payloads.size_hint().0);
        match (&self.lockstep, self.library(records)) {
            (Some(lockstep), Library::Kernel) => lockstep
                .sign_while(&self.frame, payloads, &mut still_ours, signatures.buffer())
                .map_err(|why| SignError::Lockstep { key: self.id, algorithm: self.algorithm, why }),
            _ => self.sign_each(payloads, still_ours, signatures),
        }
    }

    fn sign_each<'a>(
        &self,
        payloads: impl Iterator<Item = &'a [u8]>,
        mut still_ours: impl FnMut() -> bool,
        signatures: &mut Signatures,
    ) -> Result<BatchOutcome, SignError> {
        let mut space = Vec::new();
        for (signed, payload) in payloads.enumerate() {
            if !still_ours() {
                return Ok(BatchOutcome::Stopped { signed });
            }
            self.sign_input(self.frame.signing_input(payload, &mut space), signatures.buffer())?;
        }
        Ok(BatchOutcome::Complete)
    }
}
