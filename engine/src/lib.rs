//! The student network, on one core.
//!
//! A [`Student`] is read from its ONNX file by tract. Where every layer of it is
//! known here, own kernels run it; where one is not, or on demand, tract does.
//! A [`Captioner`] is such a network with a decoder of words behind it.
//!
//! Own kernels keep a pixel's channels together, filled up to whole vectors, and
//! run the layers of a block a few rows at a time (`plan`), in memory that is
//! used again for each photograph. Where it is faster, dense convolutions of
//! 3 x 3 are done by Winograd's way (`winograd`). The kernels exist for AVX-512,
//! AVX2 with FMA, and for any processor, and which of them runs is chosen where
//! the program runs ([`Isa`]).
//!
//! Why the whole network rather than tract's graph with some of its nodes
//! replaced: rows can only stay in the cache from one layer to the next where
//! nothing else stands between, and neither tract's own optimisation nor its
//! packing of weights is then paid for when a student is loaded.

#![warn(missing_docs)]

mod captioner;
mod floats;
mod graph;
mod kernel;
mod net;
mod plan;
mod plane;
mod product;
mod run;
mod student;
mod winograd;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

pub use captioner::Captioner;
pub use kernel::Isa;
pub use student::{Answer, Engine, LayerTime, Student, StudentError};
