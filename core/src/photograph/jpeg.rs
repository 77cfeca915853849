//! Whether a JPEG holds every block of its picture.
//!
//! Decoders are made to show something: where entropy-coded data ends early or
//! makes no sense they fill the rest with grey, and half a retina must not be
//! graded as a whole one. So the data is walked once more before it is decoded:
//! every Huffman code of every scan, without undoing the cosine transform. The
//! picture is whole when each block is there, the restart markers come in
//! order, no code or coefficient is impossible, and nothing is left over behind
//! the last block. The end-of-image marker may be missing: it holds no pixels,
//! and some cameras never write it.
//!
//! What cannot be told: a changed bit inside a coefficient, and a part of
//! another picture of the same camera in which the codes happen to fit.

use thiserror::Error;

/// The whole of a JPEG's picture in its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Bytes from the start to the end of the picture, with its end-of-image
    /// marker where it has one.
    pub length: usize,
    /// Whether the end-of-image marker is there.
    pub has_end: bool,
    /// Rows of pixels.
    pub height: u16,
}

/// Why a JPEG's picture is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    #[error("it ends early")]
    EndsEarly,
    #[error("{0}")]
    Damaged(&'static str),
    /// Lossless, arithmetic-coded, hierarchical or 12-bit.
    #[error("{0}")]
    Unsupported(&'static str),
}

const END: u8 = 0xD9;

/// Walks the JPEG at the start of `bytes`. Asks for no memory, but for
/// progressive pictures eight bytes a block.
///
/// # Errors
/// When a part of the picture is missing or cannot be right.
pub fn walk(bytes: &[u8]) -> Result<Whole, Fault> {
    if !bytes.starts_with(&[0xFF, 0xD8]) {
        return Err(Fault::Damaged("it does not begin like a JPEG"));
    }
    Walk::new(bytes).run()
}

/// Whether the picture is coded in a way that is read here, by its frame's
/// header. What is wrong before that is left to [`walk`].
///
/// # Errors
/// It is arithmetic-coded, lossless or hierarchical.
pub fn coding(bytes: &[u8]) -> Result<(), Fault> {
    let mut walk = Walk::new(bytes);
    while let Ok(Some(marker)) = walk.next_marker() {
        if let Some(unsupported) = unsupported(marker) {
            return Err(unsupported);
        }
        // Frames stand before scans.
        let through = matches!(marker, 0xC0..=0xC2 | 0xDA | END);
        if through || walk.segment().is_none() {
            break;
        }
    }
    Ok(())
}

fn unsupported(marker: u8) -> Option<Fault> {
    Some(Fault::Unsupported(match marker {
        0xC9 | 0xCA => "arithmetic coding",
        0xC3 | 0xCB | 0xF7 => "lossless coding",
        0xC5..=0xC7 | 0xCD..=0xCF => "hierarchical coding",
        _ => return None,
    }))
}

/// The state between two segments.
struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
    quantisation: [[u16; 64]; 4],
    dc: [Table; 4],
    ac: [Table; 4],
    restart: usize,
    frame: Option<Frame>,
    /// Where the last scan's data ended.
    scanned: Option<usize>,
}

/// What a start-of-frame segment says.
struct Frame {
    progressive: bool,
    width: usize,
    height: usize,
    h_max: usize,
    v_max: usize,
    components: [Component; 4],
    count: usize,
}

#[derive(Default)]
struct Component {
    id: u8,
    h: usize,
    v: usize,
    quantisation: usize,
    /// For each coefficient the lowest bit that was seen; the lowest of all is
    /// 0, and [`NOTHING`] where there was none.
    seen: Seen,
    /// Of a progressive picture: which coefficients of each block are not zero.
    filled: Vec<u64>,
}

const NOTHING: u8 = u8::MAX;
struct Seen([u8; 64]);

impl Default for Seen {
    fn default() -> Seen {
        Seen([NOTHING; 64])
    }
}

/// One component's part in a scan.
#[derive(Clone, Copy, Default)]
struct Part {
    component: usize,
    dc: usize,
    ac: usize,
    predicted: i32,
}

/// What a start-of-scan segment says.
struct Scan {
    parts: [Part; 4],
    count: usize,
    /// First and last coefficient.
    from: usize,
    to: usize,
    /// Bit positions before and after this scan.
    high: u8,
    low: u8,
}

impl<'a> Walk<'a> {
    fn new(bytes: &'a [u8]) -> Walk<'a> {
        Walk {
            bytes,
            at: 2,
            quantisation: [[1; 64]; 4],
            // Motion JPEG leaves the tables out that everybody has.
            dc: standard::tables(&standard::DC),
            ac: standard::tables(&standard::AC),
            restart: 0,
            frame: None,
            scanned: None,
        }
    }

    fn run(mut self) -> Result<Whole, Fault> {
        loop {
            let Some(marker) = self.next_marker()? else {
                return self.end(self.bytes.len(), false);
            };
            match marker {
                END => return self.end(self.at, true),
                // The next picture of a camera that writes no ends.
                0xD8 => return self.end(self.at - 2, false),
                0x01 => continue,
                0xD0..=0xD7 => return Err(Fault::Damaged("a restart marker out of place")),
                _ => {}
            }
            if let Some(fault) = unsupported(marker) {
                return Err(fault);
            }
            let body = match self.segment() {
                Some(body) => body,
                None => return Err(Fault::EndsEarly),
            };
            match marker {
                0xC0..=0xC2 => self.frame(body, marker == 0xC2)?,
                0xC4 => self.huffman(body)?,
                0xDB => self.quantisation(body)?,
                0xDD => {
                    let &[high, low, ..] = body else {
                        return Err(Fault::Damaged("a restart interval without a length"));
                    };
                    self.restart = usize::from(u16::from_be_bytes([high, low]));
                }
                0xDA => self.scan(body)?,
                _ => {}
            }
        }
    }

    /// Whether the data may have been cut and filled up with zeros, which are
    /// codes too: it ends in zeros, and more of them follow where the next
    /// marker should be.
    fn is_filled_up(&self) -> bool {
        const ZEROS: [u8; 3] = [0; 3];
        self.scanned.is_some_and(|at| {
            self.bytes[..at].ends_with(&ZEROS) && self.bytes[at..].starts_with(&ZEROS)
        })
    }

    /// The picture is whole if every coefficient of every component was seen.
    fn end(&self, length: usize, has_end: bool) -> Result<Whole, Fault> {
        if self.is_filled_up() {
            return Err(Fault::EndsEarly);
        }
        let all_seen = |frame: &&Frame| {
            let mut components = frame.components[..frame.count].iter();
            components.all(|c| c.seen.0.iter().all(|&bit| bit == 0))
        };
        match self.frame.as_ref().filter(all_seen) {
            Some(frame) => Ok(Whole {
                length,
                has_end,
                height: frame.height as u16,
            }),
            None => Err(Fault::EndsEarly),
        }
    }

    /// The next marker, `at` behind it; none at the end of the bytes.
    fn next_marker(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            match self.bytes.get(self.at..) {
                None | Some([] | [0xFF]) => return Ok(None),
                Some([0xFF, 0xFF, ..]) => self.at += 1,
                // A padding byte of ones behind a scan is stuffed too.
                Some([0xFF, 0x00, ..]) => self.at += 2,
                Some([0xFF, marker, ..]) => {
                    self.at += 2;
                    return Ok(Some(*marker));
                }
                Some([0x00, ..]) => self.at += 1,
                // Before the first scan it can be no pixels.
                Some(_) if self.scanned.is_none() => self.at += 1,
                Some(_) => return Err(LEFT_OVER),
            }
        }
    }

    /// The body of the segment at `at`, which moves behind it.
    fn segment(&mut self) -> Option<&'a [u8]> {
        let &[high, low] = self.bytes.get(self.at..self.at + 2)? else {
            return None;
        };
        let end = self.at + usize::from(u16::from_be_bytes([high, low]));
        let body = self.bytes.get(self.at + 2..end)?;
        self.at = end;
        Some(body)
    }

    fn quantisation(&mut self, mut body: &[u8]) -> Result<(), Fault> {
        let broken = Fault::Damaged("a broken quantisation table");
        while let Some((&head, rest)) = body.split_first() {
            let table = self
                .quantisation
                .get_mut(usize::from(head & 15))
                .ok_or(broken)?;
            let wide = usize::from(head >> 4 != 0) + 1;
            let values = rest.get(..64 * wide).ok_or(broken)?;
            for (to, from) in table.iter_mut().zip(values.chunks_exact(wide)) {
                *to = from.iter().fold(0, |sum, &b| (sum << 8) | u16::from(b));
            }
            body = &rest[64 * wide..];
        }
        Ok(())
    }

    fn huffman(&mut self, mut body: &[u8]) -> Result<(), Fault> {
        let broken = Fault::Damaged("a broken Huffman table");
        while body.len() >= 17 {
            let (head, counts, rest) = (body[0], &body[1..17], &body[17..]);
            let symbols = counts.iter().map(|&n| usize::from(n)).sum::<usize>();
            let symbols = rest.get(..symbols).ok_or(broken)?;
            let tables = match head >> 4 {
                0 => &mut self.dc,
                1 => &mut self.ac,
                _ => return Err(broken),
            };
            let table = tables.get_mut(usize::from(head & 15)).ok_or(broken)?;
            *table = Table::new(counts, symbols).ok_or(broken)?;
            body = &rest[symbols.len()..];
        }
        Ok(())
    }

    fn frame(&mut self, body: &[u8], progressive: bool) -> Result<(), Fault> {
        let broken = Fault::Damaged("a broken frame header");
        let &[precision, h1, h0, w1, w0, count, ref rest @ ..] = body else {
            return Err(broken);
        };
        if self.frame.is_some() {
            return Err(Fault::Damaged("a second frame header"));
        }
        if precision != 8 {
            return Err(Fault::Unsupported("not 8 bits deep"));
        }
        let count = usize::from(count);
        let (width, height) = (
            usize::from(u16::from_be_bytes([w1, w0])),
            usize::from(u16::from_be_bytes([h1, h0])),
        );
        if !(1..=4).contains(&count) || rest.len() < 3 * count || width == 0 || height == 0 {
            return Err(broken);
        }
        let mut components: [Component; 4] = Default::default();
        for (to, from) in components.iter_mut().zip(rest.chunks_exact(3)).take(count) {
            (to.id, to.h, to.v) = (
                from[0],
                usize::from(from[1] >> 4),
                usize::from(from[1] & 15),
            );
            to.quantisation = usize::from(from[2]);
            if !(1..=4).contains(&to.h) || !(1..=4).contains(&to.v) || to.quantisation > 3 {
                return Err(broken);
            }
        }
        let most = |side: fn(&Component) -> usize| components.iter().map(side).max().unwrap_or(1);
        let (h_max, v_max) = (most(|c| c.h), most(|c| c.v));
        if progressive {
            let (across, down) = (width.div_ceil(8 * h_max), height.div_ceil(8 * v_max));
            for component in &mut components[..count] {
                component.filled = vec![0; across * component.h * down * component.v];
            }
        }
        self.frame = Some(Frame {
            progressive,
            width,
            height,
            h_max,
            v_max,
            components,
            count,
        });
        Ok(())
    }

    fn scan(&mut self, body: &[u8]) -> Result<(), Fault> {
        let broken = Fault::Damaged("a broken scan header");
        let Some(frame) = &mut self.frame else {
            return Err(Fault::Damaged("a scan before its frame"));
        };
        let (&count, rest) = body.split_first().ok_or(broken)?;
        let count = usize::from(count);
        if !(1..=frame.count).contains(&count) || rest.len() < 2 * count + 3 {
            return Err(broken);
        }
        let mut parts = [Part::default(); 4];
        for (to, from) in parts.iter_mut().zip(rest.chunks_exact(2)).take(count) {
            let of = &frame.components[..frame.count];
            to.component = of.iter().position(|c| c.id == from[0]).ok_or(broken)?;
            (to.dc, to.ac) = (usize::from(from[1] >> 4 & 3), usize::from(from[1] & 3));
        }
        let scan = match (&rest[2 * count..], frame.progressive) {
            (&[from, to, bits, ..], true) => Scan {
                parts,
                count,
                from: usize::from(from),
                to: usize::from(to),
                high: bits >> 4,
                low: bits & 15,
            },
            // What it says of coefficients has no meaning in a baseline picture.
            _ => Scan {
                parts,
                count,
                from: 0,
                to: 63,
                high: 0,
                low: 0,
            },
        };
        let split = frame.progressive && scan.from == 0 && scan.to != 0;
        if split || scan.from > scan.to || scan.to > 63 || scan.low > 13 {
            return Err(broken);
        }
        if frame.progressive && scan.from > 0 && count > 1 {
            return Err(broken);
        }
        self.at = Entropy {
            bits: Bits::new(self.bytes, self.at),
            frame,
            quantisation: &self.quantisation,
            dc: &self.dc,
            ac: &self.ac,
            run: 0,
        }
        .walk(scan, self.restart)?;
        self.scanned = Some(self.at);
        Ok(())
    }
}

const LEFT_OVER: Fault = Fault::Damaged("data is left over behind the last block");
const NO_CODE: Fault = Fault::Damaged("a code that its Huffman table does not have");
const TOO_LONG: Fault = Fault::Damaged("a block of more than 64 coefficients");
const TOO_LARGE: Fault = Fault::Damaged("a coefficient larger than any pixel makes");

/// The walk through one scan.
struct Entropy<'a> {
    bits: Bits<'a>,
    frame: &'a mut Frame,
    quantisation: &'a [[u16; 64]; 4],
    dc: &'a [Table; 4],
    ac: &'a [Table; 4],
    /// Blocks that are still to be empty.
    run: u32,
}

impl Entropy<'_> {
    /// Walks the scan and says where its bytes end.
    fn walk(mut self, mut scan: Scan, restart: usize) -> Result<usize, Fault> {
        let frame = &*self.frame;
        let (across, down) = (
            frame.width.div_ceil(8 * frame.h_max),
            frame.height.div_ceil(8 * frame.v_max),
        );
        // A component alone has only the blocks that hold pixels, one by one.
        let alone = scan.count == 1;
        let (columns, rows) = match alone {
            true => {
                let c = &frame.components[scan.parts[0].component];
                (
                    (frame.width * c.h).div_ceil(8 * frame.h_max),
                    (frame.height * c.v).div_ceil(8 * frame.v_max),
                )
            }
            false => (across, down),
        };
        let limits = scan.parts.map(|part| self.limits(&part));
        let mut since = 0;
        let mut expected = 0;
        for row in 0..rows {
            for column in 0..columns {
                if restart > 0 && since == restart {
                    self.restart(expected)?;
                    expected = (expected + 1) % 8;
                    since = 0;
                    for part in &mut scan.parts {
                        part.predicted = 0;
                    }
                }
                since += 1;
                for (i, limits) in limits.iter().enumerate().take(scan.count) {
                    let c = &self.frame.components[scan.parts[i].component];
                    let (h, v) = if alone { (1, 1) } else { (c.h, c.v) };
                    let stride = across * c.h;
                    for block in 0..h * v {
                        let at = (row * v + block / h) * stride + column * h + block % h;
                        self.block(&mut scan, i, at, limits)?;
                    }
                }
            }
        }
        if self.run > 0 {
            return Err(Fault::Damaged("a run of empty blocks beyond the last"));
        }
        for part in &scan.parts[..scan.count] {
            let seen = &mut self.frame.components[part.component].seen.0;
            seen[scan.from..=scan.to].fill(scan.low);
        }
        self.bits.align()
    }

    /// Expects the restart marker of this number.
    fn restart(&mut self, number: u8) -> Result<(), Fault> {
        if self.run > 0 {
            return Err(Fault::Damaged("a run of empty blocks over a restart"));
        }
        let mut at = self.bits.align()?;
        let bytes = self.bits.bytes;
        while matches!(bytes.get(at..), Some([0xFF, 0xFF, ..] | [0x00, ..])) {
            at += 1;
        }
        match bytes.get(at..) {
            Some([0xFF, marker, ..]) if *marker == 0xD0 + number => {
                self.bits = Bits::new(bytes, at + 2);
                Ok(())
            }
            None | Some([] | [0xFF] | [0xFF, END, ..]) => Err(Fault::EndsEarly),
            _ => Err(Fault::Damaged("restart markers out of order")),
        }
    }

    /// The most bits that each coefficient of a component can have, so that
    /// its value is one that pixels make. Encoders that sharpen edges go a
    /// little beyond; twice is allowed.
    fn limits(&self, part: &Part) -> [u8; 64] {
        let component = &self.frame.components[part.component];
        self.quantisation[component.quantisation].map(|q| {
            let most = 2048 / u32::from(q.max(1)) + 1;
            (u32::BITS - most.leading_zeros()).min(10) as u8
        })
    }

    fn block(
        &mut self,
        scan: &mut Scan,
        part: usize,
        at: usize,
        limits: &[u8; 64],
    ) -> Result<(), Fault> {
        let (from, to) = (scan.from, scan.to);
        if !self.frame.progressive {
            self.first_dc(scan, part)?;
            return self.sequential(scan.parts[part].ac, limits);
        }
        match (from, scan.high) {
            (0, 0) => self.first_dc(scan, part),
            (0, _) => self.bits.take(1).map(|_| ()),
            (_, 0) => self.first_ac(&scan.parts[part], at, from, to, scan.low, limits),
            _ => self.further_ac(&scan.parts[part], at, from, to),
        }
    }

    fn first_dc(&mut self, scan: &mut Scan, part: usize) -> Result<(), Fault> {
        let part = &mut scan.parts[part];
        let size = u32::from(self.bits.symbol(&self.dc[part.dc])?);
        if size > 11 {
            return Err(TOO_LARGE);
        }
        if size > 0 {
            let value = self.bits.take(size)? as i32;
            part.predicted += match value < 1 << (size - 1) {
                true => value - (1 << size) + 1,
                false => value,
            };
        }
        let component = &self.frame.components[part.component];
        let q = i32::from(self.quantisation[component.quantisation][0].max(1));
        // 8 x 128 is black or white, and some encoders overshoot by a quarter.
        let most = (1280 + q) >> scan.low;
        match part.predicted.saturating_mul(q).abs() > most + q {
            true => Err(TOO_LARGE),
            false => Ok(()),
        }
    }

    fn sequential(&mut self, table: usize, limits: &[u8; 64]) -> Result<(), Fault> {
        let table = &self.ac[table];
        let mut k = 1;
        while k < 64 {
            let symbol = self.bits.symbol(table)?;
            let (zeros, size) = (usize::from(symbol >> 4), symbol & 15);
            k += zeros;
            match (zeros, size) {
                (15, 0) => {}
                // Runs of empty blocks are for progressive pictures.
                (1.., 0) => return Err(NO_CODE),
                (_, 0) => return Ok(()),
                _ => {
                    if size > *limits.get(k).ok_or(TOO_LONG)? {
                        return Err(TOO_LARGE);
                    }
                    self.bits.take(u32::from(size))?;
                }
            }
            k += 1;
        }
        match k {
            64 => Ok(()),
            _ => Err(TOO_LONG),
        }
    }

    /// The first bits of coefficients `from..=to`.
    fn first_ac(
        &mut self,
        part: &Part,
        at: usize,
        from: usize,
        to: usize,
        low: u8,
        limits: &[u8; 64],
    ) -> Result<(), Fault> {
        if self.run > 0 {
            self.run -= 1;
            return Ok(());
        }
        let mut filled = 0u64;
        let mut k = from;
        while k <= to {
            let symbol = self.bits.symbol(&self.ac[part.ac])?;
            let (zeros, size) = (usize::from(symbol >> 4), symbol & 15);
            if size == 0 && zeros < 15 {
                self.run = (1 << zeros) - 1 + self.bits.take(zeros as u32)?;
                break;
            }
            k += zeros;
            if size > 0 {
                if k > to {
                    return Err(TOO_LONG);
                }
                // One more, because what is shifted away was rounded.
                if size + low > limits[k].max(low + 1) + 1 {
                    return Err(TOO_LARGE);
                }
                self.bits.take(u32::from(size))?;
                filled |= 1 << k;
            }
            k += 1;
        }
        if k > to + 1 {
            return Err(TOO_LONG);
        }
        self.frame.components[part.component].filled[at] |= filled;
        Ok(())
    }

    /// One more bit of coefficients `from..=to`.
    fn further_ac(&mut self, part: &Part, at: usize, from: usize, to: usize) -> Result<(), Fault> {
        let mut filled = self.frame.components[part.component].filled[at];
        let mut k = from;
        if self.run == 0 {
            while k <= to {
                let symbol = self.bits.symbol(&self.ac[part.ac])?;
                let (mut zeros, size) = (symbol >> 4, symbol & 15);
                match (zeros, size) {
                    (15, 0) => {}
                    (_, 0) => {
                        let zeros = u32::from(zeros);
                        self.run = (1 << zeros) + self.bits.take(zeros)?;
                        break;
                    }
                    (_, 1) => {
                        self.bits.take(1)?;
                    }
                    _ => return Err(NO_CODE),
                }
                while k <= to {
                    if filled >> k & 1 == 1 {
                        self.bits.take(1)?;
                    } else if zeros == 0 {
                        break;
                    } else {
                        zeros -= 1;
                    }
                    k += 1;
                }
                if size == 1 {
                    if k > to {
                        return Err(TOO_LONG);
                    }
                    filled |= 1 << k;
                }
                k += 1;
            }
        }
        if self.run > 0 {
            self.run -= 1;
            for k in k..=to {
                if filled >> k & 1 == 1 {
                    self.bits.take(1)?;
                }
            }
        }
        self.frame.components[part.component].filled[at] = filled;
        Ok(())
    }
}

/// The bits of a scan, up to the next marker.
struct Bits<'a> {
    bytes: &'a [u8],
    /// The next byte to be fetched.
    at: usize,
    /// Fetched bits, the first one topmost.
    held: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8], at: usize) -> Bits<'a> {
        Bits {
            bytes,
            at,
            held: 0,
            count: 0,
        }
    }

    /// Fetches until at least 32 bits are held or a marker or the end comes.
    fn fetch(&mut self) {
        if let Some(&[a, b, c, d]) = self.bytes.get(self.at..self.at + 4) {
            if a != 0xFF && b != 0xFF && c != 0xFF && d != 0xFF && self.count <= 32 {
                let four = u64::from(u32::from_be_bytes([a, b, c, d]));
                self.held |= four << (32 - self.count);
                self.count += 32;
                self.at += 4;
                return;
            }
        }
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
    fn take(&mut self, count: u32) -> Result<u32, Fault> {
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
    fn symbol(&mut self, table: &Table) -> Result<u8, Fault> {
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

    /// Why there are no more bits.
    fn ended(&self) -> Fault {
        match self.bytes.get(self.at..) {
            None | Some([] | [0xFF] | [0xFF, END, ..]) => Fault::EndsEarly,
            _ => Fault::Damaged("a marker amid the data of a scan"),
        }
    }

    /// Leaves the rest of the last byte. Whole bytes before the next marker
    /// may only be padding, of zeros or of ones. Returns where the rest begins.
    fn align(&mut self) -> Result<usize, Fault> {
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

/// Bits that are looked up at once.
const LOOKUP: u32 = 9;

/// A Huffman table.
#[derive(Clone)]
struct Table {
    /// By the next [`LOOKUP`] bits: symbol and length, 0 for longer codes.
    short: [(u8, u8); 1 << LOOKUP],
    /// By length: the first code beyond those of that length, left-aligned in
    /// 16 bits, and what leads from a code to its symbol.
    beyond: [u32; 17],
    offset: [i32; 17],
    symbols: [u8; 256],
}

impl Table {
    const EMPTY: Table = Table {
        short: [(0, 0); 1 << LOOKUP],
        beyond: [0; 17],
        offset: [0; 17],
        symbols: [0; 256],
    };

    /// From how many codes there are of each length, and their symbols. `None`
    /// when there are more codes than fit.
    fn new(counts: &[u8], symbols: &[u8]) -> Option<Table> {
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
mod standard {
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
