//! Whether a run-length-encoded BMP writes every pixel.
//!
//! The format lets an encoder end a row or the picture early and skip pixels;
//! what was not written is then black, and nothing tells it from a file that
//! was cut. A photograph has a value for every pixel, so that is asked for.

/// Whether every pixel is written. True for BMPs without run lengths, whose
/// pixels the decoder counts, and where the header is broken, which is for the
/// decoder to say.
pub(super) fn is_whole(bytes: &[u8]) -> bool {
    let Some(header) = Header::read(bytes) else {
        return true;
    };
    match header.compression {
        1 => header.written(bytes, 1).is_some(),
        2 => header.written(bytes, 2).is_some(),
        _ => true,
    }
}

struct Header {
    data: usize,
    width: u64,
    height: u64,
    compression: u32,
}

impl Header {
    /// Of the 40 bytes and longer that can have run lengths.
    fn read(bytes: &[u8]) -> Option<Header> {
        let word = |at: usize| {
            let bytes = bytes.get(at..at + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?))
        };
        if word(14)? < 40 {
            return None;
        }
        Some(Header {
            data: word(10)? as usize,
            width: u64::from(word(18)?),
            // Negative where the rows go down.
            height: u64::from((word(22)? as i32).unsigned_abs()),
            compression: word(30)?,
        })
    }

    /// Follows the runs; `Some` if all rows are full. One byte holds `packed`
    /// pixels.
    fn written(&self, bytes: &[u8], packed: usize) -> Option<()> {
        let mut rest = bytes.get(self.data..)?;
        let (mut x, mut y) = (0, 0);
        while let Some((&[count, value], after)) = rest.split_first_chunk() {
            rest = after;
            match (count, value) {
                // The end of a row.
                (0, 0) => {
                    if x < self.width {
                        return None;
                    }
                    (x, y) = (0, y + 1);
                }
                // The end of the picture: the last row may have no end.
                (0, 1) => break,
                // A jump.
                (0, 2) => return None,
                (0, pixels) => {
                    x += u64::from(pixels);
                    let length = usize::from(pixels).div_ceil(packed);
                    rest = rest.get(length.next_multiple_of(2)..)?;
                }
                (pixels, _) => x += u64::from(pixels),
            }
        }
        let rows = y + u64::from(x >= self.width);
        (rows >= self.height).then_some(())
    }
}
