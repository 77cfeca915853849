//! How a referral decision is said and shown: words, sign, colour.

use embedded_graphics::pixelcolor::Rgb888;
use fovea_core::decision::ReferralDecision;

use crate::draw::shape::Sign;

/// The decision in words, as a sentence would hold it.
pub fn words(decision: ReferralDecision) -> &'static str {
    match decision {
        ReferralDecision::ReferUrgent => "refer urgently",
        ReferralDecision::Refer => "refer",
        ReferralDecision::NoReferableDisease => "no referable disease",
        ReferralDecision::Retake => "retake",
    }
}

/// The sign beside the words, different in outline for each decision.
pub fn sign(decision: ReferralDecision) -> Sign {
    match decision {
        ReferralDecision::ReferUrgent => Sign::Warning,
        ReferralDecision::Refer => Sign::Arrow,
        ReferralDecision::NoReferableDisease => Sign::Tick,
        ReferralDecision::Retake => Sign::Again,
    }
}

/// The decision's colour on a dark ground, told apart also by colour-blind
/// eyes (after the palette of Okabe and Ito).
pub fn colour(decision: ReferralDecision) -> Rgb888 {
    match decision {
        ReferralDecision::ReferUrgent => Rgb888::new(240, 98, 48),
        ReferralDecision::Refer => Rgb888::new(240, 190, 40),
        ReferralDecision::NoReferableDisease => Rgb888::new(40, 190, 140),
        ReferralDecision::Retake => Rgb888::new(120, 185, 235),
    }
}
