//! TensorBoard event files.
//!
//! An event file is a sequence of TFRecords (length, checksum, bytes,
//! checksum), each an `Event` message of TensorFlow's `event.proto`. Only the
//! few fields a scalar needs are declared here: the crates that write such
//! files either need `protoc` to build or have been left alone since 2021.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use prost::Message;

use crate::report::EpochLine;

#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5, 7")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
    #[prost(message, tag = "7")]
    SessionLog(SessionLog),
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    // Optional, for a plain proto3 float of 0 would not be written at all.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

#[derive(Clone, PartialEq, Message)]
struct SessionLog {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `SessionLog.SessionStatus.START`.
const SESSION_START: i32 = 1;

/// Writes the scalars of a stage, one step per epoch.
pub struct EventWriter {
    file: BufWriter<File>,
    path: PathBuf,
}

impl EventWriter {
    /// Starts a new event file in `folder`. TensorBoard merges the files of a
    /// folder; what an earlier, killed run wrote beyond `epochs_done` is
    /// discarded by it, for those epochs are now trained again.
    pub fn open(folder: &Path, epochs_done: usize) -> Result<EventWriter> {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
        // TensorBoard reads a folder's files in the order of their names.
        let name = format!(
            "events.out.tfevents.{:017.6}.{}.fovea",
            now(),
            std::process::id()
        );
        let path = folder.join(name);
        let file = File::create_new(&path)
            .with_context(|| format!("cannot write the event file {}", path.display()))?;
        let mut writer = EventWriter {
            file: BufWriter::new(file),
            path,
        };
        writer.write(0, What::FileVersion("brain.Event:2".to_owned()))?;
        let start = SessionLog {
            status: SESSION_START,
        };
        writer.write(epochs_done as i64 + 1, What::SessionLog(start))?;
        Ok(writer)
    }

    /// Writes what is defined of an epoch and hands it to the operating
    /// system, so that a watcher sees it and a kill does not lose it.
    pub fn epoch(&mut self, line: &EpochLine) -> Result<()> {
        let scalars = [
            ("loss/train", Some(line.train_loss)),
            ("loss/val", Some(line.val_loss)),
            ("map/average", line.val_map_average),
            ("map/many", line.many),
            ("map/medium", line.medium),
            ("map/few", line.few),
            ("training/learning_rate", Some(line.learning_rate)),
            ("training/images_per_second", Some(line.images_per_second)),
            ("training/waiting", Some(line.waiting)),
            ("training/seconds", Some(line.seconds)),
        ];
        let terms = line
            .terms
            .iter()
            .map(|(term, value)| (format!("terms/{term}"), Some(*value)));
        let value = scalars
            .map(|(tag, value)| (tag.to_owned(), value))
            .into_iter()
            .chain(terms)
            .filter_map(|(tag, value)| Some((tag, value.filter(|v| v.is_finite())?)))
            .map(|(tag, value)| Value {
                tag,
                simple_value: Some(value as f32),
            })
            .collect();
        self.write(i64::from(line.epoch), What::Summary(Summary { value }))
    }

    fn write(&mut self, step: i64, what: What) -> Result<()> {
        let event = Event {
            wall_time: now(),
            step,
            what: Some(what),
        };
        self.file
            .write_all(&record(&event.encode_to_vec()))
            .and_then(|()| self.file.flush())
            .with_context(|| format!("cannot write the event file {}", self.path.display()))
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    // Only a clock set before 1970 is no duration; then every time is 0.
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// One TFRecord.
fn record(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(bytes.len() + 16);
    record.extend(length);
    record.extend(masked_checksum(&length).to_le_bytes());
    record.extend(bytes);
    record.extend(masked_checksum(bytes).to_le_bytes());
    record
}

/// CRC-32C, rotated and offset as TFRecord wants it (a checksum of data that
/// itself holds checksums would be weak).
fn masked_checksum(bytes: &[u8]) -> u32 {
    const CRC32C: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::CRC_32_ISCSI);
    CRC32C
        .checksum(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a file back, checking every checksum.
    fn read(bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (length, after) = rest.split_at(8);
            let (length_sum, after) = after.split_at(4);
            let size = u64::from_le_bytes(length.try_into().unwrap()) as usize;
            let (message, after) = after.split_at(size);
            let (sum, after) = after.split_at(4);
            assert_eq!(length_sum, masked_checksum(length).to_le_bytes());
            assert_eq!(sum, masked_checksum(message).to_le_bytes());
            events.push(Event::decode(message).expect("an event"));
            rest = after;
        }
        events
    }

    #[test]
    fn a_record_is_the_message_between_its_length_and_its_checksum() {
        // Zero wall time and step are not written: proto3 leaves out defaults.
        let event = Event {
            wall_time: 0.0,
            step: 0,
            what: Some(What::FileVersion("brain.Event:2".to_owned())),
        };
        let message = event.encode_to_vec();
        assert_eq!(message, b"\x1a\x0dbrain.Event:2");
        let record = record(&message);
        assert_eq!(record[..8], 15u64.to_le_bytes());
        assert_eq!(record.len(), 15 + 16);
    }

    #[test]
    fn checksums_are_crc32c() {
        // RFC 3720, B.4: 32 bytes of zero have CRC-32C 0x8a9136aa.
        let expected = 0x8a91_36aa_u32.rotate_right(15).wrapping_add(0xa282_ead8);
        assert_eq!(masked_checksum(&[0; 32]), expected);
    }

    #[test]
    fn an_epoch_comes_back_and_undefined_values_are_left_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut writer = EventWriter::open(folder.path(), 3).expect("opened");
        let line = EpochLine {
            epoch: 4,
            phase: "student".to_owned(),
            train_loss: 0.5,
            terms: [("logits".to_owned(), 0.125)].into(),
            val_loss: f64::NAN,
            val_map_average: Some(0.0),
            many: None,
            medium: None,
            few: None,
            learning_rate: 1e-3,
            images_per_second: 12.0,
            waiting: 0.02,
            seconds: 9.0,
        };
        writer.epoch(&line).expect("written");
        let events = read(&std::fs::read(&writer.path).expect("there"));
        assert_eq!(events.len(), 3);
        assert_eq!(events[1].step, 4);
        assert!(matches!(&events[1].what, Some(What::SessionLog(log)) if log.status == 1));
        assert_eq!(events[2].step, 4);
        let Some(What::Summary(summary)) = &events[2].what else {
            panic!("no summary: {:?}", events[2]);
        };
        let tags: Vec<&str> = summary.value.iter().map(|v| v.tag.as_str()).collect();
        assert!(tags.contains(&"loss/train") && !tags.contains(&"loss/val"));
        assert!(!tags.contains(&"map/many"));
        let average = summary.value.iter().find(|v| v.tag == "map/average");
        assert_eq!(average.and_then(|v| v.simple_value), Some(0.0));
        let term = summary.value.iter().find(|v| v.tag == "terms/logits");
        assert_eq!(term.and_then(|v| v.simple_value), Some(0.125));
    }
}
