//! `fovea draw`: a photograph that no camera took.

use std::io;

use super::{args, stdout_failed, Failure};
use fovea_render::presets;

/// Draws the preset that `options` name, or lists them.
pub(super) fn run(options: &args::Draw) -> Result<u8, Failure> {
    let (Some(name), Some(path)) = (&options.preset, &options.out) else {
        list(&mut io::stdout().lock()).map_err(stdout_failed)?;
        return Ok(0);
    };
    let preset = fovea_render::by_name(name).ok_or_else(|| {
        Failure::Refused(format!(
            "there is no preset \"{name}\"; `fovea draw` lists those there are"
        ))
    })?;
    preset
        .draw(options.seed, options.size)
        .save_with_format(path, image::ImageFormat::Png)
        .map_err(|error| Failure::output(path, io::Error::other(error)))?;
    Ok(0)
}

fn list(out: &mut impl io::Write) -> io::Result<()> {
    let wide = presets().iter().map(|p| p.name.len()).max().unwrap_or(0);
    for preset in presets() {
        writeln!(out, "{:<wide$}  {}", preset.name, preset.about)?;
    }
    out.flush()
}
