//! Pictures of a run and of an evaluation, as PNG.

mod canvas;
mod classes;
mod comparison;
mod explained;
mod history;

pub use classes::{precision_recall, reliability, roc};
pub use comparison::{class_gains, gains, methods};
pub use explained::{contact_sheet, feature_maps, probabilities};
pub use history::curves;
