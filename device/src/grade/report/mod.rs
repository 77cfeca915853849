//! Records as text, one line each, for people or for programs; and which findings
//! of one are shown beside its photograph.

pub(crate) mod findings;
pub mod json;
pub mod names;
pub mod reasons;
pub mod table;
