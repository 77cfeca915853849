//! What can be said on the command line.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use super::{calibrate_camera, check, config, records};
use fovea_render::{MAX_SIZE, MIN_SIZE};

/// Screens photographs of the retina, offline.
#[derive(Debug, Parser)]
#[command(name = "fovea", version, arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Run(Run),
    Grade(Grade),
    Records(records::Options),
    Check(check::Options),
    CalibrateCamera(calibrate_camera::Options),
    Config(config::Options),
    Draw(Draw),
    Bundle(Bundle),
}

/// Runs the appliance: camera to verdict on a screen, until it is told to end
#[derive(Debug, clap::Args)]
pub(super) struct Run {
    /// Let this script stand in for the operator
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,
    #[command(flatten)]
    pub flags: config::Flags,
}

/// Grades photographs: one line each, in the order given
///
/// A folder stands for all photographs in it and in its sub-folders, sorted by
/// path; hidden files and links to folders are left out. What is a photograph
/// is told by its content; a file that is only named like one is reported as
/// unreadable.
///
/// Exit status: 0 when every photograph was graded or refused, 1 when any was
/// unreadable (the others are graded all the same), 2 when the command line,
/// the bundle or the output cannot be used, 3 when the model failed on
/// a photograph that could be read.
#[derive(Debug, clap::Args)]
pub(super) struct Grade {
    /// Photographs, or folders of them
    #[arg(required = true, value_name = "PATHS")]
    pub paths: Vec<PathBuf>,
    /// Print one JSON object per photograph instead of the table
    #[arg(long)]
    pub json: bool,
    /// Write a picture of each photograph with its verdict into this folder
    #[arg(long, value_name = "DIR")]
    pub pictures: Option<PathBuf>,
    /// Use this bundle instead of the one inside the program
    #[arg(long, value_name = "DIR")]
    pub bundle: Option<PathBuf>,
    /// Grade this many photographs at a time [default: one per core]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZeroUsize>,
    /// What runs the model
    #[arg(long, value_name = "ENGINE", value_enum, default_value_t = Engine::Own)]
    pub engine: Engine,
}

/// What runs the model.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Engine {
    /// Fovea's own program for this kind of processor: the fastest
    Own,
    /// The tract library as it comes: slower, to compare with
    Stock,
}

/// Draws a fundus photograph that no camera took, the same for each seed
#[derive(Debug, clap::Args)]
pub(super) struct Draw {
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

/// Checks a bundle and says what is in it
#[derive(Debug, clap::Args)]
pub(super) struct Bundle {
    /// The bundle's folder [default: the one inside the program]
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }
}
