//! Helpers the end-to-end tests share.
