//! The chunks of a PNG.

use std::borrow::Cow;

const SIGNATURE: usize = 8;

/// Chunks that hold compressed text or a colour profile. Nothing here reads
/// them, and a decoder that inflates them may need a thousand times the memory
/// of the file.
const INFLATED: [&[u8; 4]; 3] = [b"iCCP", b"zTXt", b"iTXt"];

/// `bytes` without the chunks that are inflated and not needed.
pub fn without_inflated(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut kept = Vec::new();
    let mut from = 0;
    let mut at = SIGNATURE;
    while let Some((kind, end)) = chunk(bytes, at) {
        if INFLATED.contains(&kind) {
            kept.extend_from_slice(&bytes[from..at]);
            from = end;
        }
        at = end;
    }
    if from == 0 {
        return Cow::Borrowed(bytes);
    }
    kept.extend_from_slice(&bytes[from..]);
    Cow::Owned(kept)
}

/// What kind the chunk at `at` is and where it ends; none where it is cut short.
fn chunk(bytes: &[u8], at: usize) -> Option<(&[u8; 4], usize)> {
    let head = bytes.get(at..at.checked_add(8)?)?;
    let (length, kind) = head.split_first_chunk::<4>()?;
    let body = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let end = at.checked_add(body)?.checked_add(12)?;
    (end <= bytes.len()).then_some((kind.first_chunk::<4>()?, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        for (kind, body) in chunks {
            file.extend((body.len() as u32).to_be_bytes());
            file.extend(*kind);
            file.extend(*body);
            file.extend(b"crc!");
        }
        file
    }

    #[test]
    fn only_what_is_inflated_is_left_out() {
        let plain = file(&[(b"IHDR", b"head"), (b"eXIf", b"up"), (b"IDAT", b"pixels")]);
        assert!(matches!(without_inflated(&plain), Cow::Borrowed(_)));
        let heavy = file(&[
            (b"IHDR", b"head"),
            (b"iCCP", b"a profile"),
            (b"eXIf", b"up"),
            (b"zTXt", b""),
            (b"IDAT", b"pixels"),
            (b"iTXt", b"a text"),
        ]);
        assert_eq!(without_inflated(&heavy), plain);
    }

    #[test]
    fn chunks_that_lie_about_their_length_end_the_walk() {
        let mut lying = file(&[(b"IHDR", b"head"), (b"iCCP", b"profile")]);
        let length = SIGNATURE + 16;
        lying[length..length + 4].copy_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(without_inflated(&lying), lying);
        assert_eq!(without_inflated(b"\x89PNG"), &b"\x89PNG"[..]);
    }
}
