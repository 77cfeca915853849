//! One vector register of floats and what the kernels do with it, so that each
//! kernel is written once for every kind of processor.

use std::marker::PhantomData;

use half::bf16;

/// Vectors of `N` floats.
///
/// Every method is `unsafe` for one reason: it may be called only where the
/// processor has the instructions that the implementor is named for. Methods
/// that take a pointer read or write `N` floats there, aligned to four bytes.
pub(crate) trait Lanes {
    type V: Copy;
    /// Floats in a vector.
    const N: usize;

    unsafe fn splat(value: f32) -> Self::V;
    unsafe fn load(from: *const f32) -> Self::V;
    unsafe fn store(to: *mut f32, v: Self::V);
    /// a * b + c, rounded once or twice.
    unsafe fn mul_add(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// The larger of `bound` and `v`, and `v` where it is no number: a network
    /// that fails must be seen to fail.
    unsafe fn at_least(bound: Self::V, v: Self::V) -> Self::V;
    /// The smaller of `bound` and `v`, and `v` where it is no number.
    unsafe fn at_most(bound: Self::V, v: Self::V) -> Self::V;
    /// The larger of both, and no number where either is none.
    unsafe fn most(a: Self::V, b: Self::V) -> Self::V;

    /// Asks for the cache line of an address that will be read soon; the address
    /// need not be anyone's. `NEAR`: into the first cache, else the second.
    #[inline(always)]
    fn prefetch<const NEAR: bool>(address: *const f32) {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0, _MM_HINT_T1};
            // SAFETY: every x86-64 has this instruction, and it reads nothing:
            // an address that is no one's is passed over.
            unsafe {
                if NEAR {
                    _mm_prefetch::<_MM_HINT_T0>(address.cast());
                } else {
                    _mm_prefetch::<_MM_HINT_T1>(address.cast());
                }
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = address;
    }
}

/// Vectors whose floats can also be pairs of bfloat16: two values in the bits of one float, the
/// first in the lower half.
///
/// These methods need the processor's instructions for bfloat16 beside those of [`Lanes`].
pub(crate) trait Pairs: Lanes {
    /// c + the products of both values of each pair of a and b; c holds floats.
    unsafe fn products(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// Rounds `N` floats to the nearest and writes them as `N / 2` pairs.
    unsafe fn narrow(from: *const f32, to: *mut f32);
}

/// The same vectors for a kernel that multiplies pairs where others multiply floats.
pub(crate) struct Paired<L>(PhantomData<L>);

// SAFETY, of every body: the caller answers for the same.
impl<L: Pairs> Lanes for Paired<L> {
    type V = L::V;
    const N: usize = L::N;

    #[inline(always)]
    unsafe fn splat(value: f32) -> L::V {
        unsafe { L::splat(value) }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> L::V {
        unsafe { L::load(from) }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: L::V) {
        unsafe { L::store(to, v) }
    }
    #[inline(always)]
    unsafe fn mul_add(a: L::V, b: L::V, c: L::V) -> L::V {
        unsafe { L::products(a, b, c) }
    }
    #[inline(always)]
    unsafe fn add(a: L::V, b: L::V) -> L::V {
        unsafe { L::add(a, b) }
    }
    #[inline(always)]
    unsafe fn sub(a: L::V, b: L::V) -> L::V {
        unsafe { L::sub(a, b) }
    }
    #[inline(always)]
    unsafe fn at_least(bound: L::V, v: L::V) -> L::V {
        unsafe { L::at_least(bound, v) }
    }
    #[inline(always)]
    unsafe fn at_most(bound: L::V, v: L::V) -> L::V {
        unsafe { L::at_most(bound, v) }
    }
    #[inline(always)]
    unsafe fn most(a: L::V, b: L::V) -> L::V {
        unsafe { L::most(a, b) }
    }
}

/// Two values as one float's bits.
pub(crate) fn pair(first: f32, second: f32) -> f32 {
    let [first, second] = [first, second].map(|value| u32::from(bf16::from_f32(value).to_bits()));
    f32::from_bits(first | second << 16)
}

// In plain arithmetic, for any processor.
impl Pairs for Portable {
    unsafe fn products(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        let floats = |v: Self::V| {
            let mut floats = [0.0; Self::N];
            // SAFETY: the list is as long as a vector.
            unsafe { Self::store(floats.as_mut_ptr(), v) };
            floats
        };
        let both = |pair: f32| {
            let bits = pair.to_bits();
            [bits << 16, bits & 0xffff_0000].map(f32::from_bits)
        };
        let (a, b, mut sums) = (floats(a), floats(b), floats(c));
        for (sum, (a, b)) in sums.iter_mut().zip(a.into_iter().zip(b)) {
            let ([a, next], [b, other]) = (both(a), both(b));
            *sum += next * other;
            *sum += a * b;
        }
        // SAFETY: as above.
        unsafe { Self::load(sums.as_ptr()) }
    }

    unsafe fn narrow(from: *const f32, to: *mut f32) {
        for i in 0..Self::N / 2 {
            // SAFETY: the caller answers for `N` floats and `N / 2` pairs.
            unsafe { *to.add(i) = pair(*from.add(2 * i), *from.add(2 * i + 1)) };
        }
    }
}

/// The instructions that any processor of the architecture has: SSE2 on x86-64,
/// NEON on aarch64, and plain arithmetic elsewhere.
pub(crate) struct Portable;

#[cfg(target_arch = "x86_64")]
pub(crate) use x86::{Avx2, Avx512};

/// Implements [`Lanes`] on a processor's intrinsics.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
macro_rules! lanes {
    (
        $name:ident, $vector:ty, $n:literal, $splat:ident, $load:ident, $store:ident, $add:ident, $sub:ident,
        |$a:ident, $b:ident, $c:ident| $mul_add:expr,
        |$low:ident, $v:ident| $at_least:expr,
        |$high:ident, $w:ident| $at_most:expr,
        |$d:ident, $e:ident| $most:expr
    ) => {
        // SAFETY, of every body: the caller answers for the instructions and,
        // where there is a pointer, for `N` floats behind it.
        impl Lanes for $name {
            type V = $vector;
            const N: usize = $n;

            #[inline(always)]
            unsafe fn splat(value: f32) -> $vector {
                unsafe { $splat(value) }
            }
            #[inline(always)]
            unsafe fn load(from: *const f32) -> $vector {
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(to: *mut f32, v: $vector) {
                unsafe { $store(to, v) }
            }
            #[inline(always)]
            unsafe fn mul_add($a: $vector, $b: $vector, $c: $vector) -> $vector {
                unsafe { $mul_add }
            }
            #[inline(always)]
            unsafe fn add(a: $vector, b: $vector) -> $vector {
                unsafe { $add(a, b) }
            }
            #[inline(always)]
            unsafe fn sub(a: $vector, b: $vector) -> $vector {
                unsafe { $sub(a, b) }
            }
            #[inline(always)]
            unsafe fn at_least($low: $vector, $v: $vector) -> $vector {
                unsafe { $at_least }
            }
            #[inline(always)]
            unsafe fn at_most($high: $vector, $w: $vector) -> $vector {
                unsafe { $at_most }
            }
            #[inline(always)]
            unsafe fn most($d: $vector, $e: $vector) -> $vector {
                unsafe { $most }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use std::mem::transmute;

    use super::{Lanes, Pairs, Portable};

    /// AVX2 with FMA.
    pub(crate) struct Avx2;
    /// AVX-512F, and for pairs AVX512-BF16.
    pub(crate) struct Avx512;

    // x86's max and min give their second operand where either is no number.
    lanes!(
        Avx512,
        __m512,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        |a, b, c| _mm512_fmadd_ps(a, b, c),
        |bound, v| _mm512_max_ps(bound, v),
        |bound, v| _mm512_min_ps(bound, v),
        |a, b| {
            let none = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(a, a);
            _mm512_mask_mov_ps(_mm512_max_ps(a, b), none, a)
        }
    );
    lanes!(
        Avx2,
        __m256,
        8,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        |a, b, c| _mm256_fmadd_ps(a, b, c),
        |bound, v| _mm256_max_ps(bound, v),
        |bound, v| _mm256_min_ps(bound, v),
        |a, b| {
            let none = _mm256_cmp_ps::<_CMP_UNORD_Q>(a, a);
            _mm256_blendv_ps(_mm256_max_ps(a, b), a, none)
        }
    );
    lanes!(
        Portable,
        __m128,
        4,
        _mm_set1_ps,
        _mm_loadu_ps,
        _mm_storeu_ps,
        _mm_add_ps,
        _mm_sub_ps,
        |a, b, c| _mm_add_ps(_mm_mul_ps(a, b), c),
        |bound, v| _mm_max_ps(bound, v),
        |bound, v| _mm_min_ps(bound, v),
        // All bits of `a` where it is no number, which with any others is none.
        |a, b| _mm_or_ps(_mm_max_ps(a, b), _mm_and_ps(a, _mm_cmpunord_ps(a, a)))
    );

    // SAFETY, of every body: the caller answers for the instructions and for what
    // is behind pointers. The types are of one size, and any bits are values of theirs.
    impl Pairs for Avx512 {
        #[inline(always)]
        unsafe fn products(a: __m512, b: __m512, c: __m512) -> __m512 {
            unsafe {
                let [a, b] = [a, b].map(|v| transmute::<__m512, __m512bh>(v));
                _mm512_dpbf16_ps(c, a, b)
            }
        }
        #[inline(always)]
        unsafe fn narrow(from: *const f32, to: *mut f32) {
            unsafe {
                let pairs = _mm512_cvtneps_pbh(_mm512_loadu_ps(from));
                _mm256_storeu_si256(to.cast(), transmute::<__m256bh, __m256i>(pairs));
            }
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use std::arch::aarch64::*;

    use super::{Lanes, Portable};

    // NEON's max and min give no number where either operand is none.
    lanes!(
        Portable,
        float32x4_t,
        4,
        vdupq_n_f32,
        vld1q_f32,
        vst1q_f32,
        vaddq_f32,
        vsubq_f32,
        |a, b, c| vfmaq_f32(c, a, b),
        |bound, v| vmaxq_f32(bound, v),
        |bound, v| vminq_f32(bound, v),
        |a, b| vmaxq_f32(a, b)
    );
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod plain {
    use std::array::from_fn;

    use super::{Lanes, Portable};

    // SAFETY, of every body: as the trait says.
    impl Lanes for Portable {
        type V = [f32; 4];
        const N: usize = 4;

        #[inline(always)]
        unsafe fn splat(value: f32) -> [f32; 4] {
            [value; 4]
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> [f32; 4] {
            unsafe { from.cast::<[f32; 4]>().read() }
        }
        #[inline(always)]
        unsafe fn store(to: *mut f32, v: [f32; 4]) {
            unsafe { to.cast::<[f32; 4]>().write(v) }
        }
        #[inline(always)]
        unsafe fn mul_add(a: [f32; 4], b: [f32; 4], c: [f32; 4]) -> [f32; 4] {
            from_fn(|i| a[i] * b[i] + c[i])
        }
        #[inline(always)]
        unsafe fn add(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
            from_fn(|i| a[i] + b[i])
        }
        #[inline(always)]
        unsafe fn sub(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
            from_fn(|i| a[i] - b[i])
        }
        #[inline(always)]
        unsafe fn at_least(bound: [f32; 4], v: [f32; 4]) -> [f32; 4] {
            from_fn(|i| if bound[i] > v[i] { bound[i] } else { v[i] })
        }
        #[inline(always)]
        unsafe fn at_most(bound: [f32; 4], v: [f32; 4]) -> [f32; 4] {
            from_fn(|i| if bound[i] < v[i] { bound[i] } else { v[i] })
        }
        #[inline(always)]
        unsafe fn most(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
            let keeps = |a: f32, b: f32| a > b || a.is_nan();
            from_fn(|i| if keeps(a[i], b[i]) { a[i] } else { b[i] })
        }
    }
}
