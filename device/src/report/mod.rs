//! Records as text: one line each, for people or for programs.

pub mod json;
pub mod table;
