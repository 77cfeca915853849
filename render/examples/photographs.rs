//! A folder of drawn photographs with a table of what each shows, for whoever needs
//! many: `photographs DIR COUNT SIDE EXTENSION PRESETS...` draws `COUNT` of every
//! preset, `SIDE` pixels square, as `png` or `jpg` files, and writes `labels.csv`
//! (`image,preset`) beside them. The names of the presets are those of `fovea draw`.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::ExitCode;

use fovea_render::{by_name, Preset, MAX_SIZE, MIN_SIZE};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::RgbImage;
use rayon::prelude::*;

/// What fundus cameras write: their JPEGs are hardly compressed.
const QUALITY: u8 = 92;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match draw(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("photographs: {error}");
            ExitCode::FAILURE
        }
    }
}

fn draw(arguments: &[String]) -> Result<(), Box<dyn Error + Send + Sync>> {
    let [folder, count, side, extension, names @ ..] = arguments else {
        return Err("usage: photographs DIR COUNT SIDE png|jpg PRESETS...".into());
    };
    let folder = Path::new(folder);
    let count: u64 = count
        .parse()
        .map_err(|_| format!("COUNT is {count}, not a number"))?;
    let side: u32 = side
        .parse()
        .ok()
        .filter(|side| (MIN_SIZE..=MAX_SIZE).contains(side))
        .ok_or_else(|| format!("SIDE is {side}; give {MIN_SIZE} to {MAX_SIZE} pixels"))?;
    let write = match extension.as_str() {
        "png" => png,
        "jpg" => jpeg,
        other => return Err(format!("{other} files cannot be written; give png or jpg").into()),
    };
    let presets: Vec<&Preset> = names
        .iter()
        .map(|name| by_name(name).ok_or_else(|| format!("there is no preset {name}")))
        .collect::<Result<_, _>>()?;
    fs::create_dir_all(folder)
        .map_err(|error| format!("cannot create {}: {error}", folder.display()))?;

    let wanted: Vec<(&Preset, u64)> = presets
        .iter()
        .flat_map(|&preset| (0..count).map(move |seed| (preset, seed)))
        .collect();
    let named = |preset: &Preset, seed: u64| format!("{}-{seed:04}.{extension}", preset.name);
    wanted.par_iter().try_for_each(|&(preset, seed)| {
        let path = folder.join(named(preset, seed));
        write(&path, &preset.draw(seed, side))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))
    })?;
    let mut table = String::from("image,preset\n");
    for &(preset, seed) in &wanted {
        table += &format!("{},{}\n", named(preset, seed), preset.name);
    }
    let path = folder.join("labels.csv");
    fs::write(&path, table).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    Ok(())
}

fn png(path: &Path, photograph: &RgbImage) -> image::ImageResult<()> {
    let mut file = BufWriter::new(File::create(path)?);
    photograph.write_with_encoder(PngEncoder::new(&mut file))?;
    Ok(file.flush()?)
}

fn jpeg(path: &Path, photograph: &RgbImage) -> image::ImageResult<()> {
    let mut file = BufWriter::new(File::create(path)?);
    photograph.write_with_encoder(JpegEncoder::new_with_quality(&mut file, QUALITY))?;
    Ok(file.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photograph_that_is_not_written_to_its_end_is_a_failure() {
        // So small that all of it waits in the writer's memory until the end.
        let small = RgbImage::new(8, 8);
        let full = Path::new("/dev/full");
        assert!(png(full, &small).is_err());
        assert!(jpeg(full, &small).is_err());
    }
}
