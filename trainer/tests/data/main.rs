//! Importers, splits, statistics, cache and loader on small made-up sources,
//! and the published figures of the real ones where they are there.

mod importers;
mod loading;
mod packed;
mod published;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use fovea_core::taxonomy::Taxonomy;
use fovea_trainer::data::SourceConfig;
use serde::Deserialize;

#[derive(Deserialize)]
struct Sources {
    source: Vec<SourceConfig>,
}

fn sources(toml: &str) -> Vec<SourceConfig> {
    toml::from_str::<Sources>(toml).expect("sources").source
}

fn taxonomy() -> Arc<Taxonomy> {
    Arc::new(Taxonomy::builtin("odir").expect("built in"))
}

fn write(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("written");
}
