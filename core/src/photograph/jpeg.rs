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

mod huffman;
pub(super) mod reduced;

use thiserror::Error;

use super::MAX_PIXELS;
use huffman::{standard, Bits, Table};

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
    /// The data ends before the last block, or was cut and filled up with zeros.
    #[error("it ends early")]
    EndsEarly,
    /// A header, a marker or a code cannot be right; says which.
    #[error("{0}")]
    Damaged(&'static str),
    /// Lossless, arithmetic-coded, hierarchical or 12-bit.
    #[error("{0}")]
    Unsupported(&'static str),
}

const END: u8 = 0xD9;

/// Progressive pictures have about ten, and each takes a walk through all blocks.
const MOST_SCANS: u32 = 500;

/// Walks the JPEG at the start of `bytes`. Asks for no memory, but for
/// progressive pictures eight bytes a block.
///
/// # Errors
/// When a part of the picture is missing or cannot be right.
pub fn walk(bytes: &[u8]) -> Result<Whole, Fault> {
    if !bytes.starts_with(&[0xFF, 0xD8]) {
        return Err(Fault::Damaged("it does not begin like a JPEG"));
    }
    Walk::new(bytes, ()).run()
}

/// Whether the picture is coded in a way that is read here, by its frame's
/// header. What is wrong before that is left to [`walk`].
///
/// # Errors
/// When it is arithmetic-coded, lossless or hierarchical.
pub fn coding(bytes: &[u8]) -> Result<(), Fault> {
    let mut walk = Walk::new(bytes, ());
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

/// What becomes of the coefficients of a baseline picture.
trait Sink {
    /// Whether their values are asked for.
    const WANTED: bool;
    /// A scan of this frame begins, with the quantisation tables of its components.
    fn scan(&mut self, frame: &Frame, quantisation: &[[u16; 64]; 4]);
    /// The block of `component` that lies so many blocks across and down has these
    /// coefficients that are not zero, the first one among them in any case.
    fn block(&mut self, component: usize, across: usize, down: usize, has: &[Coefficient]);
}

/// One coefficient of a block as the file has it.
#[derive(Clone, Copy, Default)]
struct Coefficient {
    /// Its place in the file's order, 0 to 63.
    k: u8,
    value: i16,
}

/// They are forgotten.
impl Sink for () {
    const WANTED: bool = false;
    fn scan(&mut self, _: &Frame, _: &[[u16; 64]; 4]) {}
    fn block(&mut self, _: usize, _: usize, _: usize, _: &[Coefficient]) {}
}

/// The state between two segments.
struct Walk<'a, S> {
    bytes: &'a [u8],
    at: usize,
    quantisation: [[u16; 64]; 4],
    dc: [Table; 4],
    ac: [Table; 4],
    restart: usize,
    frame: Option<Frame>,
    scans: u32,
    /// Where the last scan's data ended.
    scanned: Option<usize>,
    sink: S,
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
#[derive(Clone, Copy)]
struct Part {
    component: usize,
    /// Its blocks across and down in a unit of the scan.
    h: usize,
    v: usize,
    dc: usize,
    ac: usize,
    predicted: i32,
    /// Most that the first coefficient may be, either way.
    most: i32,
    /// The most bits that each coefficient can have ([`limits`]).
    limits: [u8; 64],
}

impl Part {
    const NONE: Part = Part {
        component: 0,
        h: 1,
        v: 1,
        dc: 0,
        ac: 0,
        predicted: 0,
        most: 0,
        limits: [0; 64],
    };

    /// Takes in by how much the first coefficient differs from the block before.
    #[inline]
    fn predict(&mut self, size: u8, bits: u32) -> Result<(), Fault> {
        if size > 11 {
            return Err(TOO_LARGE);
        }
        self.predicted += signed(bits, size.into());
        match self.predicted.abs() > self.most {
            true => Err(TOO_LARGE),
            false => Ok(()),
        }
    }
}

/// What a start-of-scan segment says.
struct Scan {
    parts: [Part; 4],
    count: usize,
    span: Span,
}

/// Which bits of which coefficients a scan has.
#[derive(Clone, Copy)]
struct Span {
    /// First and last coefficient.
    from: usize,
    to: usize,
    /// Bit positions before and after this scan.
    high: u8,
    low: u8,
}

impl<'a, S: Sink> Walk<'a, S> {
    fn new(bytes: &'a [u8], sink: S) -> Walk<'a, S> {
        Walk {
            bytes,
            at: 2,
            quantisation: [[1; 64]; 4],
            // Motion JPEG leaves the tables out that everybody has.
            dc: standard::tables(&standard::DC),
            ac: standard::tables(&standard::AC),
            restart: 0,
            frame: None,
            scans: 0,
            scanned: None,
            sink,
        }
    }

    fn run(&mut self) -> Result<Whole, Fault> {
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
        // A JPEG inside another file says for itself how large it is.
        if (frame.width * frame.height) as u64 > MAX_PIXELS {
            return Err(Fault::Damaged(
                "a frame of more pixels than a photograph has",
            ));
        }
        self.scans += 1;
        if self.scans > MOST_SCANS {
            return Err(Fault::Damaged("more scans than any picture needs"));
        }
        let (&count, rest) = body.split_first().ok_or(broken)?;
        let count = usize::from(count);
        if !(1..=frame.count).contains(&count) || rest.len() < 2 * count + 3 {
            return Err(broken);
        }
        let span = match (&rest[2 * count..], frame.progressive) {
            (&[from, to, bits, ..], true) => Span {
                from: usize::from(from),
                to: usize::from(to),
                high: bits >> 4,
                low: bits & 15,
            },
            // What it says of coefficients has no meaning in a baseline picture.
            _ => Span {
                from: 0,
                to: 63,
                high: 0,
                low: 0,
            },
        };
        let split = frame.progressive && span.from == 0 && span.to != 0;
        if split || span.from > span.to || span.to > 63 || span.low > 13 {
            return Err(broken);
        }
        if frame.progressive && span.from > 0 && count > 1 {
            return Err(broken);
        }
        let mut parts = [Part::NONE; 4];
        for (to, from) in parts.iter_mut().zip(rest.chunks_exact(2)).take(count) {
            let of = &frame.components[..frame.count];
            to.component = of.iter().position(|c| c.id == from[0]).ok_or(broken)?;
            (to.dc, to.ac) = (usize::from(from[1] >> 4 & 3), usize::from(from[1] & 3));
            let component = &of[to.component];
            // A component alone has only the blocks that hold pixels, one by one.
            if count > 1 {
                (to.h, to.v) = (component.h, component.v);
            }
            let table = &self.quantisation[component.quantisation];
            to.limits = limits(table);
            // 8 x 128 is black or white, and some encoders overshoot by a quarter.
            let q = i32::from(table[0].max(1));
            to.most = (((1280 + q) >> span.low) + q) / q;
        }
        let scan = Scan { parts, count, span };
        self.sink.scan(frame, &self.quantisation);
        self.at = Entropy {
            bits: Bits::new(self.bytes, self.at),
            frame,
            dc: &self.dc,
            ac: &self.ac,
            run: 0,
            has: [Coefficient::default(); 64],
            sink: &mut self.sink,
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

/// The most bits that each coefficient can have that was divided by `table`, so
/// that its value is one that pixels make. Encoders that sharpen edges go a
/// little beyond; twice is allowed.
fn limits(table: &[u16; 64]) -> [u8; 64] {
    table.map(|q| {
        let most = 2048 / u32::from(q.max(1)) + 1;
        (u32::BITS - most.leading_zeros()).min(10) as u8
    })
}

/// The value that `size` bits stand for, 0 to 11 of them.
#[inline]
fn signed(bits: u32, size: u32) -> i32 {
    let value = bits as i32;
    match size > 0 && value < 1 << (size - 1) {
        true => value - (1 << size) + 1,
        false => value,
    }
}

/// The walk through one scan.
struct Entropy<'a, S> {
    bits: Bits<'a>,
    frame: &'a mut Frame,
    dc: &'a [Table; 4],
    ac: &'a [Table; 4],
    /// Blocks that are still to be empty.
    run: u32,
    /// Room for a block's coefficients.
    has: [Coefficient; 64],
    sink: &'a mut S,
}

impl<S: Sink> Entropy<'_, S> {
    /// Walks the scan and says where its bytes end.
    fn walk(mut self, mut scan: Scan, restart: usize) -> Result<usize, Fault> {
        let frame = &*self.frame;
        let (across, down) = (
            frame.width.div_ceil(8 * frame.h_max),
            frame.height.div_ceil(8 * frame.v_max),
        );
        let (columns, rows) = match scan.count {
            1 => {
                let c = &frame.components[scan.parts[0].component];
                (
                    (frame.width * c.h).div_ceil(8 * frame.h_max),
                    (frame.height * c.v).div_ceil(8 * frame.v_max),
                )
            }
            _ => (across, down),
        };
        let progressive = frame.progressive;
        let strides = scan.parts.map(|p| across * frame.components[p.component].h);
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
                for (part, stride) in scan.parts[..scan.count].iter_mut().zip(strides) {
                    for block in 0..part.h * part.v {
                        let (x, y) = (
                            column * part.h + block % part.h,
                            row * part.v + block / part.h,
                        );
                        match progressive {
                            true => self.progressive(part, scan.span, y * stride + x)?,
                            false => self.sequential(part, x, y)?,
                        }
                    }
                }
            }
        }
        if self.run > 0 {
            return Err(Fault::Damaged("a run of empty blocks beyond the last"));
        }
        for part in &scan.parts[..scan.count] {
            let seen = &mut self.frame.components[part.component].seen.0;
            seen[scan.span.from..=scan.span.to].fill(scan.span.low);
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

    fn progressive(&mut self, part: &mut Part, span: Span, at: usize) -> Result<(), Fault> {
        match (span.from, span.high) {
            (0, 0) => self.first_dc(part),
            (0, _) => self.bits.take(1).map(|_| ()),
            (_, 0) => self.first_ac(part, at, span),
            _ => self.further_ac(part, at, span),
        }
    }

    fn first_dc(&mut self, part: &mut Part) -> Result<(), Fault> {
        let (size, bits) = self.bits.coded(&self.dc[part.dc])?;
        part.predict(size, bits)
    }

    /// One block of a baseline picture.
    #[inline]
    fn sequential(&mut self, part: &mut Part, across: usize, down: usize) -> Result<(), Fault> {
        // A copy of its own stays in registers.
        let mut bits = self.bits;
        let (size, first) = bits.coded(&self.dc[part.dc])?;
        part.predict(size, first)?;
        let has = &mut self.has;
        has[0].value = part.predicted as i16;
        let mut count = 1;
        let table = &self.ac[part.ac];
        let mut k = 1;
        while k < 64 {
            let (symbol, value) = bits.coded(table)?;
            let (zeros, size) = (usize::from(symbol >> 4), symbol & 15);
            if size == 0 {
                match zeros {
                    0 => break,
                    15 => k += 16,
                    // Runs of empty blocks are for progressive pictures.
                    _ => return Err(NO_CODE),
                }
                continue;
            }
            k += zeros;
            if size > *part.limits.get(k).ok_or(TOO_LONG)? {
                return Err(TOO_LARGE);
            }
            if S::WANTED {
                // No block has more than the 63 places that `k` passes through.
                has[count] = Coefficient {
                    k: k as u8,
                    value: signed(value, size.into()) as i16,
                };
                count += 1;
            }
            k += 1;
        }
        if k > 64 {
            return Err(TOO_LONG);
        }
        if S::WANTED {
            self.sink.block(part.component, across, down, &has[..count]);
        }
        self.bits = bits;
        Ok(())
    }

    /// The first bits of coefficients `from..=to`.
    fn first_ac(&mut self, part: &Part, at: usize, span: Span) -> Result<(), Fault> {
        let Span { from, to, low, .. } = span;
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
                if size + low > part.limits[k].max(low + 1) + 1 {
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
    fn further_ac(&mut self, part: &Part, at: usize, span: Span) -> Result<(), Fault> {
        let Span { from, to, .. } = span;
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
