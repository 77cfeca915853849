//! Pictures of a run and of an evaluation, as PNG.

mod canvas;
mod classes;
mod comparison;
mod history;

pub use classes::{precision_recall, reliability, roc};
pub use comparison::{class_gains, gains, methods};
pub use history::curves;
