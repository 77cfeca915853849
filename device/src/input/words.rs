//! What is said of touch panels and keyboards.

use super::{About, AboutDevice};
use crate::language::{fill, shown_in_english, InWords, Texts};

shown_in_english!(About);

impl InWords for About {
    fn in_words(&self, texts: &Texts) -> String {
        match self {
            About::None => texts.input.none.clone(),
            About::Window => texts.input.window.clone(),
            About::Devices(devices) if devices.is_empty() => texts.input.nothing_yet.clone(),
            About::Devices(devices) => {
                let said = devices.iter().map(|device| device.in_words(texts));
                said.collect::<Vec<_>>().join(", ")
            }
        }
    }
}

impl InWords for AboutDevice {
    fn in_words(&self, texts: &Texts) -> String {
        let table = &texts.input;
        let name = self.name.as_ref().unwrap_or(&table.nameless);
        let Some(keys) = &self.keys else {
            return name.clone();
        };
        let template = match keys.scanner {
            true => &table.scanner,
            false => &table.keyboard,
        };
        fill(template, &[("name", name), ("layout", &keys.layout)])
    }
}
