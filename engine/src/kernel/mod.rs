//! The kernels, once for each kind of processor, and the choice among them.

pub(crate) mod depthwise;
pub(crate) mod lanes;
pub(crate) mod narrow;
pub(crate) mod pool;
pub(crate) mod tile;
pub(crate) mod winograd;

use std::fmt;

use depthwise::DepthwiseRows;
use lanes::{Lanes, Paired};
use narrow::Narrow;
use pool::PoolRow;
use tile::Tile;
use winograd::{Four, Gather, Points, Scatter, Two};

/// A tile's kernel.
///
/// # Safety
/// As for [`tile::tile`].
pub(crate) type TileKernel = unsafe fn(&Tile<'_>);
/// The kernel of rows of depthwise convolution.
///
/// # Safety
/// As for [`depthwise::rows`].
pub(crate) type RowsKernel = unsafe fn(&DepthwiseRows<'_>);
/// What makes floats pairs.
///
/// # Safety
/// As for [`narrow::narrow`].
pub(crate) type NarrowKernel = unsafe fn(&mut Narrow<'_>);
/// What comes before and after the products of a Winograd convolution.
pub(crate) struct Winograd {
    /// # Safety
    /// As for [`winograd::gather`].
    pub gather: unsafe fn(&Gather),
    /// # Safety
    /// As for [`winograd::scatter`].
    pub scatter: unsafe fn(&Scatter),
}

/// What one kind of processor runs.
pub(crate) struct Kernels {
    name: &'static str,
    /// Floats in a vector.
    pub lanes: usize,
    /// Vectors of output channels that a panel of weights has, where the
    /// channels allow it.
    pub panel: usize,
    /// The tiles of one, two and three vectors; in each, those of 1, 2, ...
    /// pixels.
    pub tiles: [&'static [TileKernel]; 3],
    /// Depthwise rows of kernel 3 and 5, each with stride 1 and 2.
    rows: [[RowsKernel; 2]; 2],
    /// A row of a pool.
    ///
    /// # Safety
    /// As for [`pool::row`].
    pub pool: unsafe fn(&PoolRow<'_>),
    /// Winograd convolutions by tiles of 2 x 2 and of 4 x 4 pixels.
    pub two: Winograd,
    pub four: Winograd,
    /// Where pointwise convolutions multiply pairs of bfloat16.
    pub pairs: Option<PairKernels>,
}

/// What multiplies pairs of bfloat16 (see [`lanes::Pairs`]).
pub(crate) struct PairKernels {
    /// As those of floats are.
    pub tiles: [&'static [TileKernel]; 3],
    /// Makes floats pairs.
    pub narrow: NarrowKernel,
}

impl Kernels {
    /// The kernel for a depthwise convolution, where there is one.
    pub fn rows(&self, kernel: usize, stride: usize) -> Option<RowsKernel> {
        let k = [3, 5].iter().position(|&k| k == kernel)?;
        let s = [1, 2].iter().position(|&s| s == stride)?;
        Some(self.rows[k][s])
    }
}

#[cfg(target_arch = "x86_64")]
static AVX512: Kernels = avx512::KERNELS;
#[cfg(target_arch = "x86_64")]
static AVX512_BF16: Kernels = Kernels {
    name: "avx512_bf16",
    pairs: Some(avx512_bf16::PAIRS),
    ..avx512::KERNELS
};
#[cfg(target_arch = "x86_64")]
static AVX2: Kernels = avx2::KERNELS;
static PORTABLE: Kernels = portable::KERNELS;
static PORTABLE_BF16: Kernels = Kernels {
    name: "portable_bf16",
    pairs: Some(portable_bf16::PAIRS),
    ..portable::KERNELS
};

/// A kind of processor that this one is. There is no way to come by one whose
/// instructions are missing here.
#[derive(Clone, Copy)]
pub struct Isa(&'static Kernels);

impl Isa {
    /// The fastest for this processor.
    pub fn best() -> Isa {
        Isa::available()[0]
    }

    /// Every one of 32-bit floats that this processor can run, the fastest first.
    pub fn available() -> Vec<Isa> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                found.push(Isa(&AVX512));
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Isa(&AVX2));
            }
        }
        found.push(Isa(&PORTABLE));
        found
    }

    /// The one whose pointwise convolutions multiply bfloat16, where this processor has
    /// instructions for that. Sums and all between the layers stay 32-bit floats, and the last
    /// layer, which makes the maps, multiplies floats.
    pub fn bfloat16() -> Option<Isa> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16") {
            return Some(Isa(&AVX512_BF16));
        }
        None
    }

    /// The same arithmetic on any processor, to the rounding of sums, and slow: to measure by.
    pub fn bfloat16_anywhere() -> Isa {
        Isa(&PORTABLE_BF16)
    }

    /// Its name: `avx512`, `avx2` or `portable`, or of those of bfloat16 `avx512_bf16` or
    /// `portable_bf16`.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    pub(crate) fn kernels(self) -> &'static Kernels {
        self.0
    }
}

impl PartialEq for Isa {
    fn eq(&self, other: &Isa) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Isa {}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Makes the kernels of one kind of processor, compiled with its features: the
/// usual vectors of a panel; the pixels that a depthwise row makes at a time with
/// stride 1 and 2, and whether rows go in pairs; and for one, two and three
/// vectors the numbers of pixels of a tile, up to as many as leave registers for
/// the weights.
macro_rules! kernels {
    (
        $module:ident, $lanes:ident, [$($feature:literal)?], panel $panel:literal,
        depthwise $t1:literal $t2:literal, pairs $pairs:literal,
        tiles [$($m1:literal)*] [$($m2:literal)*] [$($m3:literal)*]
    ) => {
        mod $module {
            use super::*;

            pub(super) const KERNELS: Kernels = Kernels {
                name: stringify!($module),
                lanes: lanes::$lanes::N,
                panel: $panel,
                tiles: [&[$(tile::<$m1, 1>),*], &[$(tile::<$m2, 2>),*], &[$(tile::<$m3, 3>),*]],
                rows: [
                    [rows::<3, 1, $t1>, rows::<3, 2, $t2>],
                    [rows::<5, 1, $t1>, rows::<5, 2, $t2>],
                ],
                pool,
                two: Winograd {
                    gather: gather::<Two>,
                    scatter: scatter::<Two>,
                },
                four: Winograd {
                    gather: gather::<Four>,
                    scatter: scatter::<Four>,
                },
                pairs: None,
            };

            $(#[target_feature(enable = $feature)])?
            unsafe fn tile<const M: usize, const NV: usize>(t: &Tile<'_>) {
                // SAFETY: the caller answers for the same.
                unsafe { tile::tile::<lanes::$lanes, M, NV>(t) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn rows<const K: usize, const S: usize, const T: usize>(d: &DepthwiseRows<'_>) {
                // SAFETY: the caller answers for the same.
                unsafe { depthwise::rows::<lanes::$lanes, K, S, T, $pairs>(d) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn pool(p: &PoolRow<'_>) {
                // SAFETY: the caller answers for the same.
                unsafe { pool::row::<lanes::$lanes>(p) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn gather<P: Points>(g: &Gather) {
                // SAFETY: the caller answers for the same.
                unsafe { winograd::gather::<lanes::$lanes, P>(g) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn scatter<P: Points>(s: &Scatter) {
                // SAFETY: the caller answers for the same.
                unsafe { winograd::scatter::<lanes::$lanes, P>(s) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
kernels!(
    avx512, Avx512, ["avx512f"], panel 2, depthwise 6 6, pairs true,
    tiles [1 2 3 4 5 6 7 8 9 10 11 12 13 14] [1 2 3 4 5 6 7 8 9 10 11 12 13 14] [1 2 3 4 5 6 7 8 9]
);
#[cfg(target_arch = "x86_64")]
kernels!(
    avx2, Avx2, ["avx2,fma"], panel 2, depthwise 6 4, pairs false,
    tiles [1 2 3 4 5 6 7 8 9 10 11 12] [1 2 3 4 5 6] [1 2 3 4]
);
kernels!(
    portable, Portable, [], panel 2, depthwise 4 4, pairs false,
    tiles [1 2 3 4 5 6 7 8] [1 2 3 4 5 6] [1 2 3 4]
);

/// Makes the kernels of pairs of bfloat16, with tiles as those of the same lanes.
macro_rules! pairs {
    (
        $module:ident, $lanes:ident, [$($feature:literal)?],
        tiles [$($m1:literal)*] [$($m2:literal)*] [$($m3:literal)*]
    ) => {
        mod $module {
            use super::*;

            pub(super) const PAIRS: PairKernels = PairKernels {
                tiles: [&[$(tile::<$m1, 1>),*], &[$(tile::<$m2, 2>),*], &[$(tile::<$m3, 3>),*]],
                narrow,
            };

            $(#[target_feature(enable = $feature)])?
            unsafe fn tile<const M: usize, const NV: usize>(t: &Tile<'_>) {
                // SAFETY: the caller answers for the same.
                unsafe { tile::tile::<Paired<lanes::$lanes>, M, NV>(t) }
            }

            $(#[target_feature(enable = $feature)])?
            unsafe fn narrow(n: &mut Narrow<'_>) {
                // SAFETY: the caller answers for the same.
                unsafe { narrow::narrow::<lanes::$lanes>(n) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
pairs!(
    avx512_bf16, Avx512, ["avx512f,avx512bf16"],
    tiles [1 2 3 4 5 6 7 8 9 10 11 12 13 14] [1 2 3 4 5 6 7 8 9 10 11 12 13 14] [1 2 3 4 5 6 7 8 9]
);
pairs!(
    portable_bf16, Portable, [],
    tiles [1 2 3 4] [1 2 3 4] [1 2 3 4]
);
