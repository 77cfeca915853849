//! Skin: tone, mottling, pores.

use crate::colour::{light, mix, times, Light};
use crate::geometry::Point;
use crate::rng::Dice;
use crate::texture::Texture;

pub struct Skin {
    tone: Light,
    mottling: Texture,
    pores: Texture,
}

impl Skin {
    /// Any human tone, from pale to deep brown.
    pub fn new(dice: &mut Dice) -> Skin {
        Skin {
            tone: mix(light(236, 190, 166), light(84, 50, 34), dice.unit()),
            mottling: Texture::clouds(dice, 1.6, 3),
            pores: Texture::clouds(dice, 24.0, 3),
        }
    }

    pub fn at(&self, p: Point) -> Light {
        let blood = 0.12 * self.mottling.at(p);
        let pore = 1.0 + 0.10 * self.pores.at(p);
        times(
            self.tone,
            [
                pore * (1.0 + 0.5 * blood),
                pore * (1.0 - blood),
                pore * (1.0 - blood),
            ],
        )
    }
}
