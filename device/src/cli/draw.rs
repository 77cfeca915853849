//! `fovea draw`: a photograph that no camera took.

use std::io;
use std::path::PathBuf;

use fovea_render::{presets, MAX_SIZE, MIN_SIZE};

use super::{stdout_failed, Failure};

/// Draws a fundus photograph that no camera took, the same for each seed
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// What to draw; without it, the names are listed
    #[arg(long, value_name = "NAME", requires = "out")]
    pub preset: Option<String>,
    /// Which eye of that kind
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Side of the square photograph in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = 1024,
          value_parser = clap::value_parser!(u32).range(i64::from(MIN_SIZE)..=i64::from(MAX_SIZE)))]
    pub size: u32,
    /// The PNG file to write
    #[arg(long, value_name = "FILE", requires = "preset")]
    pub out: Option<PathBuf>,
}

/// Draws the preset that `options` name, or lists them.
pub(super) fn run(options: &Options) -> Result<u8, Failure> {
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
