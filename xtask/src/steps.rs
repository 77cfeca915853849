//! Says which step runs and how long each took.

use std::time::{Duration, Instant};

use crate::process::Result;

/// The steps of one command, printed as they go and summed up at the end.
pub struct Steps {
    command: &'static str,
    started: Instant,
    taken: Vec<(String, Duration)>,
}

impl Steps {
    pub fn new(command: &'static str) -> Steps {
        Steps {
            command,
            started: Instant::now(),
            taken: Vec::new(),
        }
    }

    /// Does the work of one step under its name.
    pub fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        println!("\n== {name}");
        let started = Instant::now();
        let outcome = work();
        let taken = started.elapsed();
        let word = if outcome.is_ok() { "done" } else { "failed" };
        println!("   {word} in {}", in_words(taken));
        self.taken.push((name.to_owned(), taken));
        outcome
    }

    /// Closes a command that succeeded.
    pub fn finish(self) {
        print!(
            "{}",
            summary(self.command, &self.taken, self.started.elapsed())
        );
    }
}

/// One line inside a step.
pub fn say(text: &str) {
    println!("   {text}");
}

fn summary(command: &str, taken: &[(String, Duration)], total: Duration) -> String {
    let longest = taken.iter().map(|(name, _)| name.chars().count()).max();
    let width = longest.unwrap_or(0);
    let mut text = format!("\n== {command}: done in {}\n", in_words(total));
    for (name, time) in taken {
        text.push_str(&format!("   {name:width$}  {:>12}\n", in_words(*time)));
    }
    text
}

/// A duration as a person says it: tenths of a second below a minute, whole seconds above.
fn in_words(time: Duration) -> String {
    let tenths = (time.as_secs_f64() * 10.0).round();
    if tenths < 600.0 {
        return format!("{:.1} s", tenths / 10.0);
    }
    let seconds = time.as_secs_f64().round() as u64;
    format!("{} min {:02} s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Failure;

    #[test]
    fn durations_read_well_on_both_sides_of_a_minute() {
        let words = |milliseconds| in_words(Duration::from_millis(milliseconds));
        assert_eq!(words(0), "0.0 s");
        assert_eq!(words(1_249), "1.2 s");
        assert_eq!(words(59_949), "59.9 s");
        assert_eq!(words(59_951), "1 min 00 s");
        assert_eq!(words(119_600), "2 min 00 s");
        assert_eq!(words(3_725_000), "62 min 05 s");
    }

    #[test]
    fn the_summary_lines_up() {
        let taken = [
            ("fmt".to_owned(), Duration::from_millis(400)),
            ("clippy".to_owned(), Duration::from_secs(75)),
        ];
        assert_eq!(
            summary("cargo xtask test", &taken, Duration::from_secs(76)),
            "\n== cargo xtask test: done in 1 min 16 s\n   \
             fmt            0.4 s\n   clippy    1 min 15 s\n"
        );
    }

    #[test]
    fn a_step_hands_its_outcome_on_and_counts_even_when_it_fails() {
        let mut steps = Steps::new("trial");
        assert_eq!(steps.step("one", || Ok(3)).unwrap(), 3);
        let failed: Result<()> = steps.step("two", || Err(Failure::sentence("no")));
        assert!(failed.is_err());
        assert_eq!(steps.taken.len(), 2);
    }
}
