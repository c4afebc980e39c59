//! What is read of a batch header, of inputs, of keys, of signed notes, and of proofs, without a ledger. Whatever the bytes are, they are read or
//! refused, and what was read is written as the same bytes where there is one way to write it.

#![no_main]

use proof::inputs::{Input, decode_all, encode_all};
use proof::leaf::Leaf;
use proof::note::{Checkpoint, Signer, Verifier};
use proof::tree::{root_from_inclusion, verify_consistency};
use proof::{Digest, Header, base64};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some(header) = Header::decode(bytes) {
        assert_eq!(header.encode(), bytes);
    }
    if let Some((input, rest)) = Input::decode(bytes) {
        let mut written = Vec::new();
        input.encode(&mut written);
        assert_eq!([&written, rest].concat(), bytes);
    }
    if let Some(inputs) = decode_all(bytes) {
        assert_eq!(encode_all(&inputs), bytes);
    }
    if let Some(leaf) = Leaf::from_data(bytes) {
        let (data, length) = leaf.data();
        assert_eq!(&data[..length], bytes);
    }
    prove(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        read(text);
    }
});

/// A proof: index and size, or two sizes, then digests.
fn prove(bytes: &[u8]) {
    let Some((numbers, digests)) = bytes.split_first_chunk::<16>() else { return };
    let [first, second] =
        [0, 1].map(|at| numbers.as_chunks::<8>().0.get(at).map_or(0, |number| u64::from_be_bytes(*number)));
    let digests: Vec<Digest> = digests.as_chunks::<32>().0.iter().map(|digest| Digest(*digest)).collect();
    let Some((leaf, path)) = digests.split_first() else { return };
    let _ = root_from_inclusion(*leaf, first, second, path);
    if let Some((root, path)) = path.split_first() {
        let _ = verify_consistency(first, second, leaf, root, path);
    }
}

/// A note, the text of a checkpoint, a key, a digest, and what is written in base64.
fn read(text: &str) {
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(Checkpoint::parse(&checkpoint.to_text()).ok(), Some(checkpoint));
    }
    if let Ok(verifier) = Verifier::parse(text) {
        assert_eq!(verifier.to_string(), text);
    }
    // The first line is the key and the rest the note.
    if let Some((key, note)) = text.split_once('\n')
        && let Ok(verifier) = Verifier::parse(key)
    {
        let _ = Checkpoint::open(note, &verifier);
    }
    let _ = Signer::parse(text);
    if let Some(digest) = Digest::from_hex(text) {
        assert_eq!(digest.to_string(), text.to_ascii_lowercase());
    }
    if let Some(decoded) = base64::decode(text) {
        assert_eq!(base64::encode(&decoded), text);
    }
}
