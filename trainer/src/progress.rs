//! Progress bars, all of one look. Where nobody watches a terminal they are
//! silent, and the lines after each epoch tell.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `len` photographs; a length of nought may be set later.
pub fn progress(len: u64, name: &str) -> ProgressBar {
    let bar = ProgressBar::new(len);
    let style = "{prefix} {wide_bar} {pos}/{len} {msg} {per_sec} left {eta}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.set_prefix(name.to_string());
    bar
}
