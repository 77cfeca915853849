//! The screening device.
//!
//! A photograph goes in, a verdict with its reasons comes out, on one core and
//! without a network: [`grade`] takes a file through preparation, gate, student
//! ([`fovea_engine`]) and decision to a record, and shows records as lines and
//! pictures.
//!
//! Around it lies the appliance, joined by [`run`]: [`camera`] and its [`live`]
//! gate, the [`exam`] as a state machine, [`screen`], [`display`] and
//! [`input`], which agree on the [`panel`], and the [`records`] of what was
//! found. [`config`] sets it up, [`health`] tests it, [`log`] writes down what
//! happened. [`language`] has the words, [`draw`] what pictures are drawn with,
//! [`files`] the care that files of patients need. [`cli`] is the program
//! `fovea`. Eyes that nobody owns, for tests and demonstrations, come from
//! [`fovea_render`].

#![warn(missing_docs)]

pub mod camera;
pub mod cli;
pub mod config;
pub mod display;
pub mod draw;
pub mod exam;
pub mod files;
pub mod grade;
pub mod health;
pub mod input;
pub mod language;
pub mod live;
pub mod log;
pub mod panel;
pub mod records;
pub mod run;
pub mod screen;
