//! How the learning rate changes.

/// The factor of the highest learning rate at a place `at` of the schedule, both 0..1: a linear
/// warm-up over a tenth of the way, then half a cosine down to a thousandth.
pub fn one_cycle(at: f64) -> f64 {
    const WARM: f64 = 0.1;
    if at < WARM {
        return at / WARM;
    }
    let down = (at - WARM) / (1.0 - WARM);
    (0.5 * (1.0 + (std::f64::consts::PI * down).cos())).max(1e-3)
}
