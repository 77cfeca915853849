//! The live picture at the size it is shown in.

use embedded_graphics::prelude::Size;
use image::RgbImage;

/// Camera frames, cut and scaled to one size. Each pixel is the mean of those
/// it stands for, so that focus can be judged by eye; where the frame is the
/// smaller one, pixels are repeated. All memory is taken once: a frame of the
/// same size as the one before allocates nothing.
#[derive(Clone, Debug)]
pub struct Preview {
    picture: RgbImage,
    cut: Cut,
    /// Where the pixels of each column of the picture lie in the cut.
    columns: Vec<Cell>,
    /// Sums of the rows that one row of the picture stands for, channel by
    /// channel.
    sums: Vec<u16>,
}

/// The middle part of a frame that has the picture's proportions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cut {
    frame: (u32, u32),
    left: u32,
    top: u32,
    width: u32,
    height: u32,
}

/// A run of pixels: the first one and how many.
#[derive(Clone, Copy, Debug)]
struct Cell {
    first: usize,
    count: usize,
}

/// Most rows and columns that one pixel is made of, so that their sum fits.
const MOST: usize = 256;

impl Preview {
    /// A black picture of `size`.
    pub fn new(size: Size) -> Preview {
        Preview {
            picture: RgbImage::new(size.width, size.height),
            cut: Cut::default(),
            columns: Vec::new(),
            sums: Vec::new(),
        }
    }

    /// Takes a frame: 8-bit RGB, row by row without gaps, `width` x `height`
    /// pixels. Where its proportions are not the picture's, the picture shows
    /// the middle of it. A frame of other than that many bytes, or none, leaves
    /// the picture as it is.
    pub fn take(&mut self, rgb: &[u8], width: u32, height: u32) {
        let bytes = 3 * width as usize * height as usize;
        if bytes == 0 || rgb.len() != bytes || self.picture.is_empty() {
            return;
        }
        self.fit((width, height));
        let (cut, shown) = (self.cut, self.picture.dimensions());
        let row = 3 * shown.0 as usize;
        for (y, line) in self.picture.chunks_exact_mut(row).enumerate() {
            let cell = Cell::of(y, shown.1, cut.height);
            self.sums.fill(0);
            for source in cell.first..cell.first + cell.count {
                let start = 3 * ((cut.top as usize + source) * width as usize + cut.left as usize);
                let source = &rgb[start..start + self.sums.len()];
                for (sum, &value) in self.sums.iter_mut().zip(source) {
                    *sum += u16::from(value);
                }
            }
            for (pixel, column) in line.chunks_exact_mut(3).zip(&self.columns) {
                let summed = &self.sums[3 * column.first..3 * (column.first + column.count)];
                let share = 1.0 / (cell.count * column.count) as f32;
                let mut total = [0_u32; 3];
                for rgb in summed.chunks_exact(3) {
                    for (total, &sum) in total.iter_mut().zip(rgb) {
                        *total += u32::from(sum);
                    }
                }
                for (value, total) in pixel.iter_mut().zip(total) {
                    *value = (total as f32 * share + 0.5) as u8;
                }
            }
        }
    }

    /// The frame taken last, black before the first.
    pub fn picture(&self) -> &RgbImage {
        &self.picture
    }

    /// Where a point of the frame taken last lies in the picture.
    pub fn place(&self, x: f32, y: f32) -> (f32, f32) {
        let scale = self.scale();
        (
            (x - self.cut.left as f32) * scale,
            (y - self.cut.top as f32) * scale,
        )
    }

    /// How many pixels of the picture one of the frame makes; 0 before the
    /// first frame.
    pub fn scale(&self) -> f32 {
        match self.cut.width {
            0 => 0.0,
            width => self.picture.width() as f32 / width as f32,
        }
    }

    fn fit(&mut self, frame: (u32, u32)) {
        let cut = Cut::of(frame, self.picture.dimensions());
        if cut == self.cut {
            return;
        }
        self.cut = cut;
        let across = self.picture.width();
        self.columns.clear();
        self.columns
            .extend((0..across as usize).map(|x| Cell::of(x, across, cut.width)));
        self.sums.clear();
        self.sums.resize(3 * cut.width as usize, 0);
    }
}

impl Cut {
    fn of(frame: (u32, u32), shown: (u32, u32)) -> Cut {
        let across = |side: u32, by: u32, over: u32| {
            let side = u64::from(side) * u64::from(by) / u64::from(over.max(1));
            u32::try_from(side).unwrap_or(u32::MAX).max(1)
        };
        let width = frame.0.min(across(frame.1, shown.0, shown.1));
        let height = frame.1.min(across(frame.0, shown.1, shown.0));
        Cut {
            frame,
            left: (frame.0 - width) / 2,
            top: (frame.1 - height) / 2,
            width,
            height,
        }
    }
}

impl Cell {
    /// What pixel `i` of `shown` stands for among `there`.
    fn of(i: usize, shown: u32, there: u32) -> Cell {
        let edge = |i: usize| i * there as usize / shown.max(1) as usize;
        let first = edge(i);
        Cell {
            first,
            count: (edge(i + 1) - first).clamp(1, MOST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn gradient(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            Rgb([(x % 256) as u8, (y % 256) as u8, ((x + y) / 2 % 256) as u8])
        })
    }

    #[test]
    fn a_pixel_is_the_mean_of_those_it_stands_for() {
        let frame = gradient(40, 20);
        let mut preview = Preview::new(Size::new(10, 10));
        preview.take(frame.as_raw(), 40, 20);
        // The middle 20 x 20, two by two.
        for (x, y, pixel) in preview.picture().enumerate_pixels() {
            // The mean of two neighbours ends on a half, which is rounded up.
            assert_eq!(u32::from(pixel[0]), 10 + 2 * x + 1);
            assert_eq!(u32::from(pixel[1]), 2 * y + 1);
        }
        assert_eq!(preview.scale(), 0.5);
        assert_eq!(preview.place(10.0, 0.0), (0.0, 0.0));
        assert_eq!(preview.place(30.0, 20.0), (10.0, 10.0));
    }

    #[test]
    fn any_frame_fills_the_picture() {
        let white = [255; 3 * 64 * 64];
        for (width, height) in [(64, 64), (3, 1), (1, 3), (64, 7), (7, 64), (1, 1)] {
            for size in [(16, 10), (10, 16), (100, 90), (1, 1)] {
                let mut preview = Preview::new(Size::new(size.0, size.1));
                preview.take(&white[..(3 * width * height) as usize], width, height);
                let white = preview.picture().iter().all(|&v| v == 255);
                assert!(white, "{width}x{height} on {size:?}");
            }
        }
    }

    #[test]
    fn a_frame_that_is_not_one_changes_nothing() {
        let mut preview = Preview::new(Size::new(4, 4));
        preview.take(&[9; 48], 4, 4);
        let before = preview.picture().clone();
        preview.take(&[1; 47], 4, 4);
        preview.take(&[], 0, 4);
        assert_eq!(preview.picture(), &before);
        Preview::new(Size::zero()).take(&[9; 48], 4, 4);
    }

    #[test]
    fn the_size_of_the_frames_may_change() {
        let mut preview = Preview::new(Size::new(8, 8));
        for (width, height) in [(16, 16), (30, 20), (8, 8), (16, 16)] {
            let frame = gradient(width, height);
            preview.take(frame.as_raw(), width, height);
            let mut fresh = Preview::new(Size::new(8, 8));
            fresh.take(frame.as_raw(), width, height);
            assert_eq!(preview.picture(), fresh.picture());
        }
    }
}
