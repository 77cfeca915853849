//! How fast the picture moves.
//!
//! Two thumbnails of the field are compared. Where a picture has moved a
//! little, every pixel has changed by its slope times the way, so the change
//! of all pixels over the slope of all pixels is the way. It grows evenly up
//! to a thirtieth of the field and is still large beyond it, which is all that
//! is asked here. Change of focus counts as motion, too; change of light
//! hardly.

use std::time::Duration;

use fovea_core::prepare::Prepared;

/// Side of a thumbnail: so coarse that a camera's noise is gone.
const SIDE: usize = 32;
/// Its field: the rim, which never moves, is left out.
const RADIUS: f32 = SIDE as f32 / 2.0 - 2.0;
/// Frames nearer to each other than this are not compared: noise would look
/// like speed.
const LEAST_APART: Duration = Duration::from_millis(100);
/// Frames further apart have nothing to do with each other.
const MOST_APART: Duration = Duration::from_secs(1);
/// Slope per pixel that noise alone makes, as a share of the mean: a blank
/// wall does not move.
const NOISE: f32 = 0.002;

/// The green of a field, small, over its mean.
#[derive(Clone, Copy, Debug)]
pub struct Thumbnail {
    green: [[f32; SIDE]; SIDE],
}

impl Thumbnail {
    pub fn of(prepared: &Prepared) -> Thumbnail {
        let mut green = [[0.0; SIDE]; SIDE];
        let size = prepared.rgb.width() as usize;
        for (y, row) in prepared.rgb.as_raw().chunks_exact(3 * size).enumerate() {
            let cells = &mut green[y * SIDE / size];
            for (x, pixel) in row.chunks_exact(3).enumerate() {
                cells[x * SIDE / size] += f32::from(pixel[1]);
            }
        }
        let (mut sum, mut cells) = (0.0, 0.0);
        for (x, y) in inside() {
            sum += green[y][x];
            cells += 1.0;
        }
        let mean = (sum / cells).max(1.0);
        green.iter_mut().flatten().for_each(|value| *value /= mean);
        Thumbnail { green }
    }

    /// Distance of the light's middle from the field's, in radii.
    pub fn shade(&self) -> f32 {
        let (mut sum, mut across, mut down) = (0.0, 0.0, 0.0);
        for (x, y) in inside() {
            let light = self.green[y][x];
            sum += light;
            across += light * from_middle(x);
            down += light * from_middle(y);
        }
        let scale = f32::max(sum, 1.0) * SIDE as f32 / 2.0;
        (across * across + down * down).sqrt() / scale
    }

    /// How far the picture has moved since `earlier`, as a share of the
    /// field's diameter.
    fn way_since(&self, earlier: &Thumbnail) -> f32 {
        let (mut change, mut slope) = (0.0, 0.0);
        for (x, y) in inside() {
            let green = &earlier.green;
            let here = self.green[y][x] - green[y][x];
            let across = green[y][x + 1] - green[y][x];
            let down = green[y + 1][x] - green[y][x];
            change += here * here;
            // Of a slope in any direction, half lies along the way.
            slope += (across * across + down * down) / 2.0 + NOISE * NOISE;
        }
        f32::sqrt(change / slope) / SIDE as f32
    }
}

/// The cells of a thumbnail that show the field, column and row.
fn inside() -> impl Iterator<Item = (usize, usize)> {
    (0..SIDE)
        .flat_map(|y| (0..SIDE).map(move |x| (x, y)))
        .filter(|&(x, y)| {
            let (x, y) = (from_middle(x), from_middle(y));
            x * x + y * y < RADIUS * RADIUS
        })
}

fn from_middle(cell: usize) -> f32 {
    cell as f32 + 0.5 - SIDE as f32 / 2.0
}

/// The speed from one frame to the next.
#[derive(Clone, Debug, Default)]
pub struct Motion {
    /// The frame that later ones are compared with.
    earlier: Option<(Thumbnail, Duration)>,
    speed: Option<f32>,
}

impl Motion {
    /// The speed in field diameters per second at a frame taken at `at`; none
    /// after a gap.
    pub fn next(&mut self, thumbnail: Thumbnail, at: Duration) -> Option<f32> {
        let apart = self
            .earlier
            .as_ref()
            .map(|(_, time)| at.saturating_sub(*time));
        match (&self.earlier, apart) {
            (Some(_), Some(apart)) if apart < LEAST_APART => return self.speed,
            (Some((earlier, _)), Some(apart)) if apart <= MOST_APART => {
                self.speed = Some(thumbnail.way_since(earlier) / apart.as_secs_f32());
            }
            _ => self.speed = None,
        }
        self.earlier = Some((thumbnail, at));
        self.speed
    }
}
