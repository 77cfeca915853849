//! The screening device.
//!
//! A photograph goes in, a verdict with its reasons comes out, on one core and
//! without a network: [`grade`] takes a file through preparation, [`gate`],
//! student ([`fovea_engine`]) and decision to a [`record`]; [`batch`] does so for many at a
//! time; [`report`] and [`picture`] show the records. [`render`] draws
//! photographs that may be shipped.
//!
//! Around it lies the appliance, joined by [`run`]: [`camera`] and its [`live`]
//! gate, the [`exam`] as a state machine, [`screen`], [`display`] and
//! [`input`], and the [`store`] of what was found. [`config`] sets it up,
//! [`check`] tests it. [`cli`] is the program `fovea`.

pub mod batch;
pub mod camera;
pub mod canvas;
pub mod check;
pub mod cli;
pub mod config;
pub mod display;
pub mod embedded;
pub mod exam;
pub mod gate;
pub mod grade;
pub mod input;
pub mod inputs;
pub mod live;
pub mod log;
pub mod picture;
pub mod record;
pub mod render;
pub mod report;
pub mod run;
pub mod screen;
pub mod shape;
pub mod store;
pub mod text;
pub mod verdict;
pub mod watchdog;
