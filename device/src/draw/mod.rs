//! What a picture is drawn with: a [`canvas`], [`text`] and signs ([`shape`]).
//! Which colours and sizes they have is for the screens to say.

pub mod canvas;
pub mod shape;
pub mod text;
