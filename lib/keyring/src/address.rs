//! Addresses of Ethereum.

use sha3::{Digest as _, Keccak256};

/// The address of a public key, from the 64 bytes x‖y of its point, in the letters that make a checksum
/// ([ERC-55](https://eips.ethereum.org/EIPS/eip-55)).
pub(crate) fn of_point(point: &[u8]) -> String {
    let hash = Keccak256::digest(point);
    with_checksum(&hash[12..])
}

fn with_checksum(address: &[u8]) -> String {
    let digits: String = address.iter().map(|byte| format!("{byte:02x}")).collect();
    let hash = Keccak256::digest(&digits);
    let mut text = "0x".to_owned();
    for (place, digit) in digits.chars().enumerate() {
        let nibble = hash[place / 2] >> (if place % 2 == 0 { 4 } else { 0 }) & 0xf;
        text.push(if nibble >= 8 { digit.to_ascii_uppercase() } else { digit });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_erc_55() {
        for expected in [
            "0x52908400098527886E0F7030069857D2E4169EE7",
            "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
            "0xde709f2102306220921060314715629080e2fb77",
            "0x27b1fdb04752bbc536007a920d24acb045561c26",
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
            "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
            "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        ] {
            let digits = &expected[2..];
            let bytes: Vec<u8> =
                (0..40).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
            assert_eq!(with_checksum(&bytes), expected);
        }
    }
}
