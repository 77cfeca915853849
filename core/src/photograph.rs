//! photograph
