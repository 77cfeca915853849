//! A run from its photographs to the bundle: prepare, train, evaluate,
//! calibrate, export. Each step leaves files that the next one reads.

use anyhow::{bail, Context, Result};
use tch::Device;

use crate::config::{DeviceChoice, RunConfig};
use crate::photographs::Photographs;
use crate::{checkpoint, fit};

pub fn prepare(config: &RunConfig) -> Result<Photographs> {
    let photographs = Photographs::open(config)?;
    let dir = config.run_dir();
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    checkpoint::write(&dir.join("config.toml"), toml::to_string_pretty(config)?.as_bytes())?;
    photographs.write_statistics(&dir)?;
    Ok(photographs)
}

pub fn train(config: &RunConfig, photographs: &Photographs, only: &[String]) -> Result<()> {
    for name in only {
        config.stage_named(name)?;
    }
    let device = device(config)?;
    for stage in &config.stage {
        if only.is_empty() || only.contains(&stage.name) {
            fit::stage(config, stage, photographs, device)?;
        }
    }
    Ok(())
}


/// Where networks are trained and run.
fn device(config: &RunConfig) -> Result<Device> {
    match config.device {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Auto => Ok(Device::cuda_if_available()),
        DeviceChoice::Cuda if tch::Cuda::is_available() => Ok(Device::Cuda(0)),
        DeviceChoice::Cuda => bail!("`device = \"cuda\"`, but libtorch finds no GPU; choose \"auto\" or mend the driver"),
    }
}
