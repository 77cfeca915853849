//! What measuring takes, whatever is measured: [`asked`] for workers in processes of their own,
//! their [`times`], the [`machine`], and a [`page`] with its [`table`] and its [`chart`].

#![warn(missing_docs)]

pub mod asked;
pub mod chart;
pub mod machine;
pub mod page;
pub mod table;
pub mod times;
