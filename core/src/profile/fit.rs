//! A smooth surface through noisy samples.

use nalgebra::{SMatrix, SVector};

use super::TERMS;

/// Highest power of the surface. Falloff of a lens is a polynomial in the
/// squared distance, a lamp beside the axis adds odd powers.
pub(super) const DEGREE: usize = 4;

/// The least-squares polynomial through `(u, v, value)`, its coefficients in
/// the order of [`super::Illumination::coefficients`]; none when the samples
/// do not determine it.
pub(super) fn surface(samples: impl Iterator<Item = (f64, f64, f64)>) -> Option<[f64; TERMS]> {
    let mut normal = SMatrix::<f64, TERMS, TERMS>::zeros();
    let mut right = SVector::<f64, TERMS>::zeros();
    for (u, v, value) in samples {
        let terms = SVector::from(monomials(u, v));
        normal += terms * terms.transpose();
        right += terms * value;
    }
    Some(normal.cholesky()?.solve(&right).into())
}

fn monomials(u: f64, v: f64) -> [f64; TERMS] {
    let mut terms = [0.0; TERMS];
    let mut filled = terms.iter_mut();
    let mut across = 1.0;
    for i in 0..=DEGREE {
        let mut term = across;
        for slot in filled.by_ref().take(DEGREE + 1 - i) {
            *slot = term;
            term *= v;
        }
        across *= u;
    }
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_polynomial_is_found_again_and_too_few_samples_are_not_enough() {
        let wanted: [f64; TERMS] = std::array::from_fn(|i| 0.3 * i as f64 - 1.5);
        let value = |u, v| -> f64 {
            let terms = monomials(u, v);
            terms.iter().zip(wanted).map(|(t, c)| t * c).sum()
        };
        let steps = || (-4..=4).map(|i| f64::from(i) / 4.0);
        let samples = steps().flat_map(|u| steps().map(move |v| (u, v)));
        let found = surface(samples.map(|(u, v)| (u, v, value(u, v)))).unwrap();
        for (found, wanted) in found.into_iter().zip(wanted) {
            assert!((found - wanted).abs() < 1e-9, "{found} for {wanted}");
        }
        assert_eq!(surface([(0.5, 0.5, 1.0)].into_iter()), None);
    }
}
