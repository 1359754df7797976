//! What `personal_sign` signs: a message of ERC-191, version 0x45 (<https://eips.ethereum.org/EIPS/eip-191>). Its hash is Keccak-256.

/// What is signed: the prefix, the length in decimal digits, and the message.
pub(crate) fn signing_input(payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(format!("\x19Ethereum Signed Message:\n{}", payload.len()).as_bytes());
    out.extend_from_slice(payload);
}

/// The signature as wallets write it: r‖s‖v.
pub(crate) fn finished(signature: &[u8]) -> String {
    let mut text = String::with_capacity(2 + 2 * signature.len());
    text.push_str("0x");
    for byte in signature {
        text.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        text.push(char::from(b"0123456789abcdef"[usize::from(byte & 0xf)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use sha3::{Digest as _, Keccak256};

    use super::*;

    #[test]
    fn the_hash_of_a_message_is_that_of_eth_account() {
        // The example of its documentation: the text "I♥SF".
        let mut input = Vec::new();
        signing_input("I♥SF".as_bytes(), &mut input);
        assert_eq!(
            finished(&Keccak256::digest(&input)),
            "0x1476abb745d423bf09273f1afd887d951181d25adc66c4834a70491911b7f750"
        );
    }

    #[test]
    fn the_length_is_in_bytes() {
        let mut input = Vec::new();
        signing_input(&[0xff; 100], &mut input);
        assert_eq!(input[..29], *b"\x19Ethereum Signed Message:\n100");
        assert_eq!(input.len(), 129);
    }
}
