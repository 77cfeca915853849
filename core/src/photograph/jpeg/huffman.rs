//! The bits of a scan and the codes in them.

use super::{Fault, END, LEFT_OVER, NO_CODE};

/// The bits of a scan, up to the next marker.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    pub bytes: &'a [u8],
    /// The next byte to be fetched.
    at: usize,
    /// Fetched bits, the first one topmost.
    held: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub fn new(bytes: &'a [u8], at: usize) -> Bits<'a> {
        Bits {
            bytes,
            at,
            held: 0,
            count: 0,
        }
    }

    /// Fetches until at least 49 bits are held or a marker or the end comes.
    #[inline]
    fn fetch(&mut self) {
        if let Some(eight) = self.bytes.get(self.at..).and_then(|b| b.first_chunk()) {
            let eight = u64::from_be_bytes(*eight);
            if !has_ones(eight) {
                let more = (64 - self.count) / 8;
                self.held |= eight >> self.count;
                self.at += more as usize;
                self.count += 8 * more;
                // Those that came in part come again.
                self.held &= u64::MAX << (64 - self.count);
                return;
            }
        }
        self.fetch_slowly();
    }

    /// The same where a marker or a stuffed byte is near.
    #[inline(never)]
    fn fetch_slowly(&mut self) {
        while self.count <= 48 {
            let byte = match self.bytes.get(self.at..) {
                None | Some([] | [0xFF]) => return,
                Some([0xFF, 0x00, ..]) => {
                    self.at += 2;
                    0xFF
                }
                Some([0xFF, ..]) => return,
                Some([byte, ..]) => {
                    self.at += 1;
                    *byte
                }
            };
            self.held |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// Takes that many bits, 16 at most.
    #[inline]
    pub fn take(&mut self, count: u32) -> Result<u32, Fault> {
        if count == 0 {
            return Ok(0);
        }
        if self.count < count {
            self.fetch();
            if self.count < count {
                return Err(self.ended());
            }
        }
        let value = (self.held >> (64 - count)) as u32;
        self.held <<= count;
        self.count -= count;
        Ok(value)
    }

    #[inline]
    pub fn symbol(&mut self, table: &Table) -> Result<u8, Fault> {
        if self.count < 16 {
            self.fetch();
        }
        let (symbol, length) =
            table
                .find((self.held >> 48) as u16)
                .ok_or_else(|| match self.count < 16 {
                    true => self.ended(),
                    false => NO_CODE,
                })?;
        if length > self.count {
            return Err(self.ended());
        }
        self.held <<= length;
        self.count -= length;
        Ok(symbol)
    }

    /// A symbol and the bits behind it, as many as its lower half says.
    #[inline(always)]
    pub fn coded(&mut self, table: &Table) -> Result<(u8, u32), Fault> {
        if self.count < 32 {
            self.fetch();
        }
        let (symbol, length) = table.short[(self.held >> (64 - LOOKUP)) as usize];
        let (size, length) = (u32::from(symbol & 15), u32::from(length));
        let both = length + size;
        if length == 0 || both > self.count {
            return self.coded_slowly(table);
        }
        let value = (self.held << length) >> 1 >> (63 - size);
        self.held <<= both;
        self.count -= both;
        Ok((symbol, value as u32))
    }

    /// The same for a long code, or near the end.
    #[inline(never)]
    fn coded_slowly(&mut self, table: &Table) -> Result<(u8, u32), Fault> {
        let symbol = self.symbol(table)?;
        Ok((symbol, self.take(u32::from(symbol & 15))?))
    }

    /// Why there are no more bits.
    fn ended(&self) -> Fault {
        match self.bytes.get(self.at..) {
            None | Some([] | [0xFF] | [0xFF, END, ..]) => Fault::EndsEarly,
            _ => Fault::Damaged("a marker amid the data of a scan"),
        }
    }

    /// Leaves the rest of the last byte. Whole bytes before the next marker
    /// may only be padding, of zeros or of ones. Returns where the rest begins.
    pub fn align(&mut self) -> Result<usize, Fault> {
        let begun = self.count % 8;
        self.held <<= begun;
        self.count -= begun;
        if self.held == 0 {
            // Zeros are not stuffed: they can be given back.
            self.at -= (self.count / 8) as usize;
            self.count = 0;
        }
        while self.count > 0 {
            let byte = (self.held >> 56) as u8;
            if byte != 0x00 && byte != 0xFF {
                return Err(LEFT_OVER);
            }
            self.held <<= 8;
            self.count -= 8;
        }
        Ok(self.at)
    }
}

/// Whether any of eight bytes is 0xFF.
#[inline]
fn has_ones(eight: u64) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    (!eight).wrapping_sub(EACH) & eight & (EACH << 7) != 0
}

/// Bits that are looked up at once.
const LOOKUP: u32 = 9;

/// A Huffman table.
#[derive(Clone)]
pub(super) struct Table {
    /// By the next [`LOOKUP`] bits: symbol and length, 0 for longer codes.
    short: [(u8, u8); 1 << LOOKUP],
    /// By length: the first code beyond those of that length, left-aligned in
    /// 16 bits, and what leads from a code to its symbol.
    beyond: [u32; 17],
    offset: [i32; 17],
    symbols: [u8; 256],
}

impl Table {
    pub const EMPTY: Table = Table {
        short: [(0, 0); 1 << LOOKUP],
        beyond: [0; 17],
        offset: [0; 17],
        symbols: [0; 256],
    };

    /// From how many codes there are of each length, and their symbols. `None`
    /// when there are more codes than fit.
    pub fn new(counts: &[u8], symbols: &[u8]) -> Option<Table> {
        let mut table = Table::EMPTY;
        table
            .symbols
            .get_mut(..symbols.len())?
            .copy_from_slice(symbols);
        let (mut code, mut first) = (0u32, 0usize);
        for (length, &count) in (1u32..).zip(counts) {
            let i = length as usize;
            table.offset[i] = first as i32 - code as i32;
            for &symbol in &symbols[first..first + usize::from(count)] {
                if code >= 1 << length {
                    return None;
                }
                if length <= LOOKUP {
                    let from = (code << (LOOKUP - length)) as usize;
                    let same = 1 << (LOOKUP - length);
                    table.short[from..from + same].fill((symbol, length as u8));
                }
                code += 1;
            }
            first += usize::from(count);
            table.beyond[i] = code << (16 - length);
            code <<= 1;
        }
        Some(table)
    }

    /// The symbol whose code `next` begins with, and the code's length.
    #[inline]
    fn find(&self, next: u16) -> Option<(u8, u32)> {
        let (symbol, length) = self.short[usize::from(next >> (16 - LOOKUP))];
        if length > 0 {
            return Some((symbol, u32::from(length)));
        }
        let next = u32::from(next);
        let length = (LOOKUP + 1..=16).find(|&n| next < self.beyond[n as usize])?;
        let at = (next >> (16 - length)) as i32 + self.offset[length as usize];
        let symbol = self.symbols.get(usize::try_from(at).ok()?)?;
        Some((*symbol, length))
    }
}

/// The tables of the standard's annex K.3, for pictures that bring none.
pub(super) mod standard {
    use super::Table;

    /// How many codes of each length, and their symbols.
    type Definition = (&'static [u8; 16], &'static [u8]);

    /// For brightness, for colour, and two without a code.
    pub fn tables(of: &[Definition; 2]) -> [Table; 4] {
        let [first, second] =
            of.map(|(counts, symbols)| Table::new(counts, symbols).unwrap_or(Table::EMPTY));
        [first, second, Table::EMPTY, Table::EMPTY]
    }

    pub const DC: [Definition; 2] = [
        (
            &[
                0x00, 0x01, 0x05, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
                0x00, 0x00,
            ],
            &DC_SIZES,
        ),
        (
            &[
                0x00, 0x03, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01, 0x00, 0x00, 0x00,
                0x00, 0x00,
            ],
            &DC_SIZES,
        ),
    ];
    const DC_SIZES: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
    pub const AC: [Definition; 2] = [
        (
            &[
                0x00, 0x02, 0x01, 0x03, 0x03, 0x02, 0x04, 0x03, 0x05, 0x05, 0x04, 0x04, 0x00, 0x00,
                0x01, 0x7D,
            ],
            &[
                0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51,
                0x61, 0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1,
                0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18,
                0x19, 0x1A, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39,
                0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57,
                0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75,
                0x76, 0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92,
                0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
                0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
                0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8,
                0xD9, 0xDA, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2,
                0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
            ],
        ),
        (
            &[
                0x00, 0x02, 0x01, 0x02, 0x04, 0x04, 0x03, 0x04, 0x07, 0x05, 0x04, 0x04, 0x00, 0x01,
                0x02, 0x77,
            ],
            &[
                0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07,
                0x61, 0x71, 0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09,
                0x23, 0x33, 0x52, 0xF0, 0x15, 0x62, 0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25,
                0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x35, 0x36, 0x37, 0x38,
                0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53, 0x54, 0x55, 0x56,
                0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74,
                0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
                0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5,
                0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA,
                0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6,
                0xD7, 0xD8, 0xD9, 0xDA, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2,
                0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
            ],
        ),
    ];
}
