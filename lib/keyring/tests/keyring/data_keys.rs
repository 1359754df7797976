use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chancery_keyring::{
    Algorithm, DataKey, DataKeyError, Kek, Keks, OpenDataKeyError, SigningKey, UnwrapError, WrappedDataKey,
};
use uuid::Uuid;

use crate::fixtures::{KEYRING, data_key, key_of};

fn kek() -> Kek {
    Kek::from_bytes([9; 32])
}

fn wrapped() -> WrappedDataKey {
    data_key().wrap(&kek(), KEYRING).unwrap()
}

fn opened(given: &WrappedDataKey) -> Result<String, OpenDataKeyError> {
    DataKey::open(&kek(), given).map(|data_key| data_key.to_base64().to_string())
}

#[test]
fn a_wrapped_data_key_opens_again_and_shows_nothing() {
    let given = wrapped();
    assert_eq!(opened(&given).unwrap(), *data_key().to_base64());
    assert_eq!(given.wrapped.len(), 61);
    assert_eq!((given.fingerprint, given.kek_fingerprint), (data_key().fingerprint(), kek().fingerprint()));
    assert!(!given.wrapped.windows(8).any(|bytes| bytes == [7; 8]));
    assert_eq!(format!("{:?}", data_key()), "DataKey(..)");
}

#[test]
fn the_format_is_fixed_by_a_data_key_that_another_program_wrapped() {
    // Python, cryptography: AESGCM(bytes([9]) * 32).encrypt(bytes(range(12)), bytes([7]) * 32,
    // b"chancery data key v1" + keyring); hmac.new(bytes([7]) * 32, b"chancery data key fingerprint v1", sha256)
    let given = WrappedDataKey {
        keyring: KEYRING,
        fingerprint: "69824ebd336b03a6".to_owned(),
        kek_fingerprint: kek().fingerprint(),
        wrapped: STANDARD
            .decode(concat!(
                "AQABAgMEBQYHCAkKC+1WnMU7SC3imFErmNfEwjPUcoil",
                "mhc7o3gJN/FBzvjcwLYfsUbnZTOl10Vfg5Gn0A==",
            ))
            .unwrap(),
    };
    assert_eq!(opened(&given).unwrap(), *data_key().to_base64());
}

#[test]
fn the_data_key_of_one_ring_does_not_open_as_that_of_another() {
    let keyring = Uuid::now_v7();
    let moved = WrappedDataKey { keyring, ..wrapped() };
    assert_eq!(opened(&moved).unwrap_err(), OpenDataKeyError::Altered { keyring });
    let replaced = DataKey::generate().wrap(&kek(), KEYRING).unwrap();
    let replaced = WrappedDataKey { fingerprint: data_key().fingerprint(), ..replaced };
    assert_eq!(opened(&replaced).unwrap_err(), OpenDataKeyError::OtherDataKey { keyring: KEYRING });
}

#[test]
fn altered_in_any_bit_or_cut_at_any_length_it_is_refused() {
    let given = wrapped();
    for bit in 0..given.wrapped.len() * 8 {
        let mut altered = given.clone();
        altered.wrapped[bit / 8] ^= 1 << (bit % 8);
        let error = opened(&altered).unwrap_err();
        assert_eq!(matches!(error, OpenDataKeyError::UnknownVersion { .. }), bit < 8, "{error}");
        assert!(error.to_string().contains(&KEYRING.to_string()), "{error}");
    }
    for length in 0..given.wrapped.len() {
        let cut = WrappedDataKey { wrapped: given.wrapped[..length].to_vec(), ..given.clone() };
        assert_eq!(opened(&cut).unwrap_err(), OpenDataKeyError::Altered { keyring: KEYRING });
    }
}

#[test]
fn private_keys_open_with_the_data_key_of_their_ring_and_no_other() {
    let key = key_of(Algorithm::Es256);
    let open = |with: &DataKey| SigningKey::open(with, KEYRING, key.id, Algorithm::Es256, &key.wrapped);
    assert!(open(&data_key()).is_ok());
    assert_eq!(open(&DataKey::generate()).unwrap_err(), UnwrapError::DoesNotOpen { key: key.id });
}

#[test]
fn a_former_kek_opens_what_it_wrapped_and_the_current_one_wraps_it_anew() {
    let both = Keks::new(Kek::from_bytes([1; 32]), vec![kek()]);
    let former = wrapped();
    let anew = both.rewrap(&former).unwrap().expect("it is wrapped anew");
    assert_eq!(anew.kek_fingerprint, both.current().fingerprint());
    assert_eq!((anew.keyring, &anew.fingerprint), (KEYRING, &former.fingerprint));
    assert_eq!(*both.open(&anew).unwrap().to_base64(), *data_key().to_base64());
    assert_eq!(*both.open(&former).unwrap().to_base64(), *data_key().to_base64());
    assert_eq!(both.rewrap(&anew).unwrap(), None, "once is enough");
    let one = Keks::new(Kek::from_bytes([1; 32]), Vec::new());
    assert_eq!(*one.open(&anew).unwrap().to_base64(), *data_key().to_base64());
}

#[test]
fn a_data_key_of_a_kek_that_is_not_at_hand_names_all_fingerprints() {
    let keks = Keks::new(Kek::from_bytes([1; 32]), vec![Kek::from_bytes([2; 32]), Kek::from_bytes([1; 32])]);
    let error = keks.open(&wrapped()).unwrap_err().to_string();
    let fingerprints = keks.fingerprints();
    assert_eq!(fingerprints.len(), 2, "the current one is no former one");
    for word in [&kek().fingerprint(), &fingerprints[0], &fingerprints[1], "--former-kek-file"] {
        assert!(error.contains(word), "{word}: {error}");
    }
    assert!(keks.rewrap(&wrapped()).is_err());
}

#[test]
fn a_data_key_file_has_the_form_of_a_kek_file() {
    let text = data_key().to_base64();
    for content in [text.as_bytes(), format!("{}\n", *text).as_bytes(), &[7; 32]] {
        assert_eq!(DataKey::parse(content).unwrap().fingerprint(), data_key().fingerprint());
    }
    assert_eq!(DataKey::parse(b"hunter2").unwrap_err(), DataKeyError::Length { given: 7 });
    let error = DataKey::parse("!".repeat(44).as_bytes()).unwrap_err();
    assert_eq!(error, DataKeyError::Base64);
    assert!(error.to_string().starts_with("a data key is"), "{error}");
}

#[test]
fn contents_have_another_fingerprint_under_another_data_key_and_wherever_they_are_divided() {
    let of = |data_key: &DataKey, contents: &[&[u8]]| data_key.fingerprint_of(contents);
    let one = of(&data_key(), &[b"url", b"ca"]);
    assert_eq!(one, of(&data_key(), &[b"url", b"ca"]));
    for other in [
        of(&data_key(), &[b"urlc", b"a"]),
        of(&data_key(), &[b"urlca"]),
        of(&DataKey::generate(), &[b"url", b"ca"]),
    ] {
        assert_ne!(one, other);
    }
}
