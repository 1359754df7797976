//! Keys that AWS-LC makes, taken apart.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use rsa::BigUint;
use rsa::pkcs8::DecodePrivateKey as _;
use rsa::traits::{PrivateKeyParts as _, PublicKeyParts as _};

use crate::{KeyError, Parts, PrivateKey, PublicKey};

/// All sizes that the kernel signs with.
pub(super) const SIZES: [KeySize; 3] = [KeySize::Rsa2048, KeySize::Rsa3072, KeySize::Rsa4096];

/// A key as three libraries have it.
pub(super) struct Key {
    pub(super) aws: RsaKeyPair,
    pub(super) rsa: rsa::RsaPrivateKey,
    pub(super) kernel: PrivateKey,
}

impl Key {
    pub(super) fn generate(size: KeySize) -> Self {
        let aws = RsaKeyPair::generate(size).expect("AWS-LC makes a key");
        let pkcs8 = AsDer::<Pkcs8V1Der<'_>>::as_der(&aws).expect("a key has a PKCS #8 form");
        let rsa = rsa::RsaPrivateKey::from_pkcs8_der(pkcs8.as_ref()).expect("it is a key");
        let kernel = OwnedParts::of(&rsa).key().expect("the kernel takes the key");
        Self { aws, rsa, kernel }
    }

    pub(super) fn len(&self) -> usize {
        self.kernel.signature_len()
    }

    pub(super) fn public(&self) -> PublicKey {
        PublicKey::new(&self.rsa.n().to_bytes_be(), &self.rsa.e().to_bytes_be())
            .expect("the kernel takes the key")
    }

    pub(super) fn n(&self) -> &BigUint {
        self.rsa.n()
    }

    /// The private operation, by the schoolbook.
    pub(super) fn reference(&self, message: &BigUint) -> Vec<u8> {
        self.bytes(&message.modpow(self.rsa.d(), self.n()))
    }

    /// A number as a message.
    pub(super) fn bytes(&self, number: &BigUint) -> Vec<u8> {
        let bytes = number.to_bytes_be();
        let mut message = vec![0; self.len() - bytes.len()];
        message.extend(bytes);
        message
    }
}

/// Parts that can be changed.
#[derive(Clone)]
pub(super) struct OwnedParts {
    pub(super) n: Vec<u8>,
    pub(super) e: Vec<u8>,
    pub(super) p: Vec<u8>,
    pub(super) q: Vec<u8>,
    pub(super) dp: Vec<u8>,
    pub(super) dq: Vec<u8>,
    pub(super) qinv: Vec<u8>,
}

impl OwnedParts {
    pub(super) fn of(key: &rsa::RsaPrivateKey) -> Self {
        let [p, q] = key.primes() else { unreachable!("RSA has two primes") };
        Self {
            n: key.n().to_bytes_be(),
            e: key.e().to_bytes_be(),
            p: p.to_bytes_be(),
            q: q.to_bytes_be(),
            dp: key.dp().expect("it is precomputed").to_bytes_be(),
            dq: key.dq().expect("it is precomputed").to_bytes_be(),
            qinv: key.qinv().expect("it is precomputed").to_bytes_be().1,
        }
    }

    /// The same key with its primes the other way round.
    pub(super) fn swapped(&self) -> Self {
        let [p, q] = [&self.p, &self.q].map(|prime| BigUint::from_bytes_be(prime));
        let qinv = p.modpow(&(&q - 2_u32), &q).to_bytes_be();
        let Self { n, e, p, q, dp, dq, qinv: _ } = self.clone();
        Self { n, e, p: q, q: p, dp: dq, dq: dp, qinv }
    }

    pub(super) fn key(&self) -> Result<PrivateKey, KeyError> {
        let Self { n, e, p, q, dp, dq, qinv } = self;
        PrivateKey::new(&Parts { n, e, p, q, dp, dq, qinv })
    }
}

/// Numbers that differ from run to run no more than they must: splitmix64.
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: &BigUint) -> BigUint {
        let bytes: Vec<u8> =
            (0..bound.bits().div_ceil(64) + 1).flat_map(|_| self.next().to_be_bytes()).collect();
        BigUint::from_bytes_be(&bytes) % bound
    }

    pub(super) fn digest(&mut self) -> [u8; 32] {
        let mut digest = [0; 32];
        for word in digest.chunks_exact_mut(8) {
            word.copy_from_slice(&self.next().to_be_bytes());
        }
        digest
    }
}
