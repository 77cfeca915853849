//! From labels and logits to a verdict, and the files that these come in.

mod bundle;
mod calibration;
mod common;
mod decision;
mod labels;
mod profile;
mod shipped_taxonomies;
mod taxonomy;
