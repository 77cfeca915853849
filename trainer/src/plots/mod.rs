//! Pictures of a run and of an evaluation, as PNG.

mod canvas;
mod classes;
mod history;

pub use classes::{precision_recall, reliability, roc};
pub use history::curves;
