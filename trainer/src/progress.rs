//! Progress, all of one look: a bar on a terminal; in a log, where a bar would
//! only fill pages, a line every minute.

use std::io::{stderr, IsTerminal};
use std::thread;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};

/// How often a log is told.
const EVERY: Duration = Duration::from_secs(60);

/// Progress over `len` photographs; a length of nought may be set later.
pub fn progress(len: u64, name: &str) -> ProgressBar {
    // Draws nothing where no terminal is, but counts and estimates.
    let bar = ProgressBar::new(len);
    let style = "{prefix} {wide_bar} {pos}/{len} {msg} {per_sec} left {eta}";
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style);
    }
    bar.set_prefix(name.to_string());
    if !stderr().is_terminal() {
        let watched = bar.downgrade();
        thread::spawn(move || loop {
            thread::sleep(EVERY);
            match watched.upgrade() {
                Some(bar) if !bar.is_finished() => eprintln!("{}", line(&bar)),
                _ => return,
            }
        });
    }
    bar
}

fn line(bar: &ProgressBar) -> String {
    let parts = [
        bar.prefix(),
        format!("{}/{}", bar.position(), bar.length().unwrap_or_default()),
        bar.message(),
        format!("{:.0}/s", bar.per_sec()),
        format!("left {}", HumanDuration(bar.eta())),
    ];
    let said = parts.iter().map(String::as_str).filter(|p| !p.is_empty());
    said.collect::<Vec<_>>().join("  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_how_far_and_how_long() {
        let bar = ProgressBar::hidden();
        bar.set_length(200);
        bar.set_prefix("teacher1 1/3");
        bar.set_position(50);
        let said = line(&bar);
        assert!(said.starts_with("teacher1 1/3  50/200  "), "{said}");
        assert!(said.contains("/s  left "), "{said}");
        bar.set_message("loss 0.8852");
        assert!(line(&bar).starts_with("teacher1 1/3  50/200  loss 0.8852  "));
    }
}
