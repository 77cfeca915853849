//! What Fovea's trainer and its screening device must agree on.
//!
//! Everything here is used by both sides, so that nothing can differ between
//! training and screening: which labels there are ([`taxonomy`]), how a file
//! becomes pixels ([`photograph`]), what of them is the camera's ([`profile`]),
//! how they become the network's input ([`prepare`]), what makes a photograph
//! gradable ([`quality`], [`vessels`], [`gate`]), how logits become probabilities and a
//! verdict ([`calibration`], [`decision`]), what numbers stand for words ([`caption`]), and
//! the folder that carries a student to the device ([`bundle`]). There is no inference engine in this
//! crate.

#![warn(missing_docs)]

pub mod bundle;
pub mod calibration;
pub mod caption;
pub mod decision;
pub mod field;
pub mod fields;
pub mod files;
pub mod gate;
pub mod photograph;
pub mod prepare;
pub mod profile;
pub mod quality;
pub mod taxonomy;
pub mod unsuitable;
pub mod vessels;

mod resample;
mod versioned;
