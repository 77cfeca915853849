//! The trainer: photographs and labels in, a bundle for the device out.
//!
//! [`config`] reads a run's file and [`run`] walks its steps. [`data`] and
//! [`photographs`] hand out what is trained on; [`nets`], [`methods`] and
//! [`losses`] say what is trained and how, and [`train`] has the one loop
//! that does it. [`evaluate`] and [`calibrate`] work on [`predictions`] alone;
//! [`export`] and [`card`] make the bundle.

#![warn(missing_docs)]

pub mod calibrate;
pub mod card;
pub mod checkpoint;
pub mod clock;
pub mod compare;
pub mod config;
pub mod data;
pub mod evaluate;
pub mod events;
pub mod explain;
pub mod export;
pub mod leave_out;
pub mod losses;
pub mod machine;
pub mod memory;
pub mod methods;
pub mod metrics;
pub mod nets;
pub mod photographs;
pub mod plots;
pub mod predict;
pub mod predictions;
pub mod probe;
pub mod progress;
pub mod report;
pub mod run;
pub mod samplers;
pub mod start;
pub mod train;
pub mod weights;
