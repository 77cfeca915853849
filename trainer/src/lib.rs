//! The trainer.

pub mod events;
pub mod memory;
pub mod metrics;
pub mod nets;
pub mod report;
