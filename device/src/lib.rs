//! The screening device.
//!
//! A photograph goes in, a verdict with its reasons comes out, on one core and
//! without a network: [`grade`] takes a file through preparation, [`gate`],
//! [`student`] and decision to a [`record`]; [`batch`] does so for many at a
//! time; [`report`] and [`picture`] show the records. [`render`] draws
//! photographs that may be shipped. [`cli`] is the program `fovea`.

pub mod batch;
pub mod canvas;
pub mod cli;
pub mod embedded;
pub mod gate;
pub mod grade;
pub mod inputs;
pub mod picture;
pub mod record;
pub mod render;
pub mod report;
pub mod shape;
pub mod student;
pub mod text;
pub mod verdict;
