//! Whole runs of `fovea-train`, each in a program of its own.

mod plan;
mod resume;
