//! What the student looked at: class activation over the photograph (the maps
//! that a bundle exports, whose mean is the class's logit).

use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::RgbColor as _;
use fovea_core::decision::ReferralDecision;
use fovea_core::taxonomy::{Subject, Taxonomy};
use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma, Rgb, RgbImage};

use crate::draw::shape::mix;
use crate::grade::record::Record;
use crate::grade::Seen;

/// The finding whose attention is shown: the gravest among those that the verdict
/// commits to and, where none is urgent, the disease that it most likely is; of
/// equally grave ones the most probable. That nothing is wrong has no place in the
/// picture.
pub(crate) fn node(record: &Record, taxonomy: &Taxonomy) -> Option<usize> {
    let key = |k: usize| {
        let finding = record.findings.get(k)?;
        Some((taxonomy.nodes().get(k)?.severity, finding.probability))
    };
    let urgent = record.referral.decision == ReferralDecision::ReferUrgent;
    let likeliest = record.likeliest().filter(|_| !urgent);
    record
        .committed
        .iter()
        .copied()
        .chain(likeliest.and_then(|disease| taxonomy.index(&disease.node)))
        .filter(|&k| {
            taxonomy
                .nodes()
                .get(k)
                .is_some_and(|node| node.subject == Subject::Eye && node.severity > 0)
        })
        .filter_map(|k| Some((k, key(k)?)))
        .max_by(|(_, a), (_, b)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)))
        .map(|(k, _)| k)
}

/// The prepared photograph, `side` pixels square, brightened to orange where
/// the evidence for `node` lies. Of a parent, the maps of its finest nodes are
/// added, as its logit adds theirs. Nothing where the map is flat.
pub(crate) fn picture(
    seen: &Seen,
    taxonomy: &Taxonomy,
    node: usize,
    side: u32,
) -> Option<RgbImage> {
    let answer = &seen.answer;
    let mut map = vec![0.0_f32; answer.width * answer.height];
    for k in taxonomy.finest_below(node) {
        for (sum, value) in map.iter_mut().zip(answer.map(k)?) {
            *sum += value;
        }
    }
    let (low, high) = map.iter().fold((f32::MAX, f32::MIN), |(low, high), &v| {
        (low.min(v), high.max(v))
    });
    if high - low < 1e-6 {
        return None;
    }
    for value in &mut map {
        *value = (*value - low) / (high - low);
    }
    let map: ImageBuffer<Luma<f32>, Vec<f32>> =
        ImageBuffer::from_raw(answer.width as u32, answer.height as u32, map)?;
    let mut picture = seen.prepared.rgb.clone();
    let map = imageops::resize(
        &map,
        picture.width(),
        picture.height(),
        FilterType::Triangle,
    );
    let heat = Rgb888::new(255, 190, 40);
    // The network answers for the black surround too, but nothing is there.
    for (y, columns) in seen.prepared.field_rows() {
        for x in columns {
            let Rgb([r, g, b]) = *picture.get_pixel(x, y);
            // Squared, so that only the peak stands out and the retina stays
            // visible under it.
            let share = map.get_pixel(x, y).0[0].clamp(0.0, 1.0).powi(2) * 0.7;
            let mixed = mix(Rgb888::new(r, g, b), heat, share);
            picture.put_pixel(x, y, Rgb([mixed.r(), mixed.g(), mixed.b()]));
        }
    }
    Some(imageops::resize(&picture, side, side, FilterType::Triangle))
}
