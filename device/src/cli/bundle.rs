//! `fovea bundle`: what a bundle holds, checked as for grading.

use std::io::{self, Write as _};
use std::path::PathBuf;

use fovea_core::bundle::Bundle;

use super::{open_bundle, stdout_failed, Failure};
use crate::grade::Grader;

/// Checks a bundle and says what is in it
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The bundle's folder [default: the one inside the program]
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// Opens the bundle that `options` name, loads its student, and describes it.
pub(super) fn run(options: &Options) -> Result<u8, Failure> {
    let bundle = open_bundle(options.folder.as_deref())?;
    let description = describe(&bundle);
    Grader::new(bundle).map_err(|error| Failure::Refused(error.to_string()))?;
    let mut out = io::stdout().lock();
    out.write_all(description.as_bytes())
        .and_then(|()| out.flush())
        .map_err(stdout_failed)?;
    Ok(0)
}

fn describe(bundle: &Bundle) -> String {
    let (manifest, calibration) = (&bundle.manifest, &bundle.calibration);
    let (network, training) = (&manifest.network, &manifest.training);
    let lines = [
        ("bundle", manifest.name.clone()),
        ("student", bundle.sha256.clone()),
        (
            "network",
            format!(
                "{}, {size} x {size} pixels, {} outputs, {:.1} MB",
                network.arch,
                network.outputs.len(),
                bundle.onnx.len() as f64 / 1e6,
                size = network.input_size,
            ),
        ),
        ("preparation", network.preparation.clone()),
        (
            "taxonomy",
            format!(
                "{}, {} nodes",
                manifest.taxonomy,
                bundle.taxonomy.nodes().len()
            ),
        ),
        (
            "training",
            format!(
                "{} ({}), {} epochs, seed {}, on {}",
                training.run, training.method, training.epochs, training.seed, training.machine
            ),
        ),
        (
            "data",
            manifest
                .data
                .iter()
                .map(|(source, n)| {
                    format!("{source} {} train {} val {} test", n.train, n.val, n.test)
                })
                .collect::<Vec<_>>()
                .join(", "),
        ),
        (
            "calibration",
            format!(
                "{}, for a sensitivity of {:.0} % on {}",
                calibration.id,
                calibration.target_sensitivity * 100.0,
                calibration.split
            ),
        ),
    ];
    lines
        .map(|(key, value)| format!("{key:<12} {value}\n"))
        .concat()
}
