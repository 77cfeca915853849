//! What the device writes down about itself, for whoever repairs it.
//!
//! Events of `tracing` go to two places: as one JSON object a line into files
//! of bounded size, and in a short form to standard error, which is the journal
//! where systemd runs the device. Writing to the files has a thread of its own,
//! because a worn memory card can hold a write back for seconds; when it falls
//! behind, events are dropped rather than the interface held up.
//!
//! **No patient's data goes into the log.** A message is a constant sentence;
//! what varies is a field, and only events all of whose fields are in
//! [`FIELDS`] are written. None of these can hold what was typed into an exam
//! or what was found in an eye: records are for that. Libraries' own events
//! are never written, since nobody here can say what is in them.

mod roll;

use std::io::{self, IsTerminal as _};

use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::Metadata;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt;
use tracing_subscriber::layer::{Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config;
use roll::Roll;

/// The fields that an event may have, in groups: what happened, where, how
/// long it took, how many. A new one is added here, by somebody who has asked
/// whether a patient could be told by it.
pub const FIELDS: &[&str] = &[
    // What happened.
    "message",
    "error",
    "state",
    "version",
    "reason",
    // To which part of the device.
    "check",
    "thread",
    "camera",
    "display",
    "input",
    "bundle",
    "calibration",
    "path",
    "format",
    "rate",
    // To which picture: its number since the start, which no record holds.
    "frame",
    "width",
    "height",
    "eye",
    // How long, in milliseconds.
    "elapsed_ms",
    "waited_ms",
    // How many.
    "attempt",
    "bytes",
    "count",
    "dropped",
    "free_mb",
];

/// The current file, below the log's folder; older ones are `fovea.log.1`, the
/// youngest, and so on.
pub const FILE: &str = "fovea.log";

/// Why there is no log.
#[derive(Debug, Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum LogError {
    #[error("cannot write the log in {folder} ({source}); check that the folder may be written, or name another with --log-folder", folder = folder.display())]
    Folder {
        folder: std::path::PathBuf,
        source: io::Error,
    },
    #[error("the log was started twice: start it once, at the program's start")]
    Twice,
}

/// Keeps the log's thread alive. Dropped at the end of the program, it writes
/// out what is still on its way.
#[must_use = "what is on its way to the files is lost without it"]
pub struct Guard {
    _worker: WorkerGuard,
}

/// Starts the log for the whole program.
///
/// # Errors
/// When the folder or its file cannot be written, or the log runs already.
pub fn start(log: &config::Log) -> Result<Guard, LogError> {
    let (files, guard) = files(log)?;
    let short = fmt::layer()
        .compact()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    // The journal notes the time itself.
    let short = if io::stderr().is_terminal() {
        short.boxed()
    } else {
        short.without_time().boxed()
    };
    tracing_subscriber::registry()
        .with(files.and_then(short).with_filter(filter_fn(may_be_logged)))
        .with(LevelFilter::from_level(log.level))
        .try_init()
        .map_err(|_| LogError::Twice)?;
    Ok(guard)
}

/// The part of the log that goes to files.
fn files<S>(log: &config::Log) -> Result<(impl Layer<S>, Guard), LogError>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let bytes = u64::from(log.file_mb.get()) * 1_000_000;
    let roll = Roll::open(&log.folder.join(FILE), bytes, log.files.get()).map_err(|source| {
        LogError::Folder {
            folder: log.folder.clone(),
            source,
        }
    })?;
    let (writer, worker) = NonBlockingBuilder::default()
        .thread_name("log")
        .lossy(true)
        .finish(roll);
    let layer = fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_writer(writer);
    Ok((layer, Guard { _worker: worker }))
}

/// Whether an event is our own and every field of it may be written.
fn may_be_logged(about: &Metadata<'_>) -> bool {
    let krate = about.target().split("::").next();
    let ours = matches!(krate, Some("fovea" | "fovea_core" | "fovea_device"));
    ours && about
        .fields()
        .iter()
        .all(|field| FIELDS.contains(&field.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;
    use tracing::subscriber::with_default;

    fn log(folder: &Path) -> config::Log {
        config::Log {
            folder: folder.to_owned(),
            ..config::Log::default()
        }
    }

    /// What `events` leave in the file.
    fn written(events: impl FnOnce()) -> String {
        let folder = tempfile::tempdir().unwrap();
        let (layer, guard) = files(&log(folder.path())).unwrap();
        let subscriber = tracing_subscriber::registry()
            .with(layer.with_filter(filter_fn(may_be_logged)))
            .with(LevelFilter::INFO);
        with_default(subscriber, events);
        drop(guard);
        std::fs::read_to_string(folder.path().join(FILE)).unwrap()
    }

    #[test]
    fn an_event_is_one_line_of_json() {
        let text = written(|| {
            tracing::info!(camera = "v4l:/dev/video0", width = 1920, "camera open");
            tracing::warn!(waited_ms = 2_000, "no frame");
            tracing::debug!("more than is wanted");
        });
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["message"], "camera open");
        assert_eq!(lines[0]["camera"], "v4l:/dev/video0");
        assert_eq!(lines[0]["width"], 1920);
        assert_eq!(lines[1]["level"], "WARN");
        assert!(lines[1]["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn a_field_that_is_not_listed_keeps_its_event_out() {
        let text = written(|| {
            tracing::info!(patient = "Joan 1951", "exam begun");
            tracing::info!(frame = 7, note = "one eye", "captured");
            tracing::info!(target: "rusqlite", "insert into patients");
            tracing::info!(frame = 7, "captured");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("captured"), "{text}");
        for private in ["Joan", "one eye", "insert"] {
            assert!(!text.contains(private), "{text}");
        }
    }

    /// Field names of the events in `text`, a file of Rust.
    fn fields(text: &str) -> Vec<String> {
        let mut fields = Vec::new();
        for level in ["error", "warn", "info", "debug", "trace"] {
            let call = format!("tracing::{level}!(");
            for after in text.split(&call).skip(1) {
                let mut depth = 0;
                let between = |letter: char| {
                    depth += i32::from("([{".contains(letter));
                    depth -= i32::from(")]}".contains(letter));
                    letter == ',' && depth == 0
                };
                // Up to the sentence, which is the first argument that begins with a quote.
                for argument in after.split(between).map(str::trim) {
                    if argument.starts_with('"') {
                        break;
                    }
                    let name = argument.split('=').next().unwrap_or(argument).trim();
                    fields.push(name.trim_start_matches(['%', '?']).to_owned());
                }
            }
        }
        fields
    }

    #[test]
    fn every_event_of_the_device_is_one_that_may_be_written() {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (mut folders, mut seen) = (vec![source], 0);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|is| is == "rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let code = text.split("#[cfg(test)]").next().unwrap_or(&text);
                    for field in fields(code) {
                        seen += 1;
                        assert!(FIELDS.contains(&&*field), "`{field}` in {}", path.display());
                    }
                }
            }
        }
        assert!(seen > 20, "only {seen} fields were found");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let below = file.path().join("logs");
        let said = files::<tracing_subscriber::Registry>(&log(&below))
            .err()
            .unwrap();
        assert!(said.to_string().contains("logs"), "{said}");
    }
}
