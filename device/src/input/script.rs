//! An operator made of text, for tests and demonstrations.
//!
//! One command a line; empty lines and what follows a `#` at a line's start or
//! after a space are for the reader:
//!
//! ```text
//! wait 500ms              # or 2s
//! wait-for live right     # until this stage is shown, for at most 30 seconds
//! wait-for result 60s     # or as long as is said
//! tap 400 300             # touch this pixel of the picture
//! key Enter               # press a key, by its name or its character
//! type 12345              # press one key after the other
//! scan P-1042             # as a bar code scanner does
//! action photograph left  # ask for something without touching anything
//! shot verdict            # keep the picture that is shown, under this name
//! quit                    # end the program
//! ```
//!
//! `action` takes every [`Action`] in its words: `start`, `choose age`,
//! `skip-for eye-absent`, `select 2`, `set auto-capture`.
//!
//! One command is carried out each time the script is asked, so that each
//! finds the stage and the picture that the one before it brought about.

use std::path::{Path, PathBuf};
use std::time::Duration;

use embedded_graphics::prelude::Point;
use fovea_core::files::read_text_at_most;
use serde_json::{json, Value};
use thiserror::Error;

use super::{Events, InputEvent, Key, ShotName};
use crate::exam::words::Action;

/// How long `wait-for` waits unless it is told.
const PATIENCE: Duration = Duration::from_secs(30);

/// Nobody writes more by hand.
const MAX_BYTES: u64 = 1 << 20;

/// How often a stage that is waited for is asked about.
const ASK: Duration = Duration::from_millis(20);

/// Why a script cannot be read or cannot go on.
#[derive(Debug, Error, PartialEq, Eq)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum ScriptError {
    #[error("the script {path} cannot be read: {reason}")]
    Read { path: PathBuf, reason: String },
    #[error("line {line} of the script: {remedy}")]
    Line { line: usize, remedy: String },
    #[error(
        "line {line} of the script: `{stage}` was not shown within {waited:?}; \
         the stage is still `{shown}`"
    )]
    Waited {
        line: usize,
        stage: String,
        waited: Duration,
        shown: String,
    },
}

/// A script and how far it has come.
#[derive(Clone, Debug)]
pub struct Script {
    steps: Vec<Step>,
    next: usize,
    /// When the next step was reached; none when that has yet to happen.
    reached: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq)]
struct Step {
    line: usize,
    command: Command,
}

#[derive(Clone, Debug, PartialEq)]
enum Command {
    Wait(Duration),
    WaitFor { stage: String, patience: Duration },
    Do(InputEvent),
}

impl Script {
    /// Reads the script at `path`. `stages` are the names that stages go by.
    ///
    /// # Errors
    /// When it cannot be read, or with the first line that is wrong and what
    /// would be right.
    pub fn read(path: &Path, stages: &[&str]) -> Result<Script, ScriptError> {
        let failed = |reason| ScriptError::Read {
            path: path.to_owned(),
            reason,
        };
        let text = read_text_at_most(path, MAX_BYTES).map_err(|e| failed(e.to_string()))?;
        let too_large = || failed(format!("it is larger than {MAX_BYTES} bytes"));
        Script::parse(&text.ok_or_else(too_large)?, stages)
    }

    /// The script that `text` is.
    ///
    /// # Errors
    /// With the first line that is wrong and what would be right.
    pub fn parse(text: &str, stages: &[&str]) -> Result<Script, ScriptError> {
        let mut steps = Vec::new();
        for (index, written) in text.lines().enumerate() {
            let line = index + 1;
            let commands = commands(without_comment(written), stages)
                .map_err(|remedy| ScriptError::Line { line, remedy })?;
            steps.extend(commands.into_iter().map(|command| Step { line, command }));
        }
        Ok(Script {
            steps,
            next: 0,
            reached: None,
        })
    }

    /// Carries out the next command, if it is its time: at `now` (since the
    /// program's start), while `stage` is shown.
    ///
    /// # Errors
    /// When a stage that is waited for does not come.
    pub fn poll(
        &mut self,
        now: Duration,
        stage: &str,
        events: &mut Events,
    ) -> Result<(), ScriptError> {
        let Some(step) = self.steps.get(self.next) else {
            return Ok(());
        };
        let waited = now.saturating_sub(*self.reached.get_or_insert(now));
        let done = match &step.command {
            Command::Wait(time) => waited >= *time,
            Command::WaitFor { stage: asked, .. } if begins(stage, asked) => true,
            Command::WaitFor {
                stage: asked,
                patience,
            } if waited >= *patience => {
                return Err(ScriptError::Waited {
                    line: step.line,
                    stage: asked.clone(),
                    waited: *patience,
                    shown: stage.to_owned(),
                });
            }
            Command::WaitFor { .. } => false,
            Command::Do(event) => events.push_back(event.clone()).is_ok(),
        };
        if done {
            self.next += 1;
            self.reached = None;
        }
        Ok(())
    }

    /// How long the caller may wait at `now` (since the program's start) before
    /// it asks again; `None` once the script has ended.
    pub fn due(&self, now: Duration) -> Option<Duration> {
        let step = self.steps.get(self.next)?;
        let waited = self
            .reached
            .map_or(Duration::ZERO, |at| now.saturating_sub(at));
        Some(match &step.command {
            Command::Do(_) => Duration::ZERO,
            Command::Wait(time) => time.saturating_sub(waited),
            Command::WaitFor { .. } => ASK,
        })
    }
}

/// Whether the words of `stage` begin with those of `asked`: `live` is shown
/// while `live right` is.
fn begins(stage: &str, asked: &str) -> bool {
    let mut words = stage.split_whitespace();
    asked
        .split_whitespace()
        .all(|word| words.next() == Some(word))
}

fn without_comment(line: &str) -> &str {
    let comment = line
        .char_indices()
        .find(|&(at, c)| c == '#' && line[..at].chars().last().is_none_or(char::is_whitespace));
    line[..comment.map_or(line.len(), |(at, _)| at)].trim()
}

/// What a line asks for; several keys where it types, nothing where it is
/// empty.
fn commands(line: &str, stages: &[&str]) -> Result<Vec<Command>, String> {
    let (name, rest) = line
        .split_once(char::is_whitespace)
        .map_or((line, ""), |(name, rest)| (name, rest.trim()));
    let event = match name {
        "" => return Ok(Vec::new()),
        "wait" => return Ok(vec![Command::Wait(duration(rest)?)]),
        "wait-for" => return Ok(vec![wait_for(rest, stages)?]),
        "type" => return keys(rest),
        "scan" if !rest.is_empty() => InputEvent::Scan(rest.to_owned()),
        "scan" => return Err("no code: say which, as in scan P-1042".to_owned()),
        "tap" => InputEvent::Touch(point(rest)?),
        "key" => InputEvent::Key(rest.parse()?),
        "action" => InputEvent::Action(action(rest)?),
        "shot" => InputEvent::Shot(shot_name(rest)?),
        "quit" if rest.is_empty() => InputEvent::Quit,
        _ => {
            return Err(format!(
                "`{line}` is not a command: use wait, wait-for, tap, key, type, scan, action, \
                 shot or quit alone"
            ))
        }
    };
    Ok(vec![Command::Do(event)])
}

fn duration(text: &str) -> Result<Duration, String> {
    let (digits, unit) = match text.strip_suffix("ms") {
        Some(digits) => (digits, 1),
        None => (text.strip_suffix('s').unwrap_or(""), 1000),
    };
    digits
        .parse::<u32>()
        .map(|count| Duration::from_millis(u64::from(count) * unit))
        .map_err(|_| format!("`{text}` is not a time: use a whole number with s or ms, as in 2s"))
}

fn wait_for(text: &str, stages: &[&str]) -> Result<Command, String> {
    let (stage, patience) = match text.rsplit_once(char::is_whitespace) {
        Some((stage, time)) if time.starts_with(|c: char| c.is_ascii_digit()) => {
            (stage.trim(), duration(time)?)
        }
        _ => (text, PATIENCE),
    };
    if stage.is_empty() || !stages.iter().any(|known| begins(known, stage)) {
        return Err(format!(
            "no stage is called `{stage}`: use one of {}",
            stages.join(", ")
        ));
    }
    Ok(Command::WaitFor {
        stage: stage.to_owned(),
        patience,
    })
}

fn keys(text: &str) -> Result<Vec<Command>, String> {
    if text.is_empty() {
        return Err("nothing to type: say what, as in type 12345".to_owned());
    }
    let key = |letter| Command::Do(InputEvent::Key(Key::Char(letter)));
    Ok(text.chars().map(key).collect())
}

fn point(text: &str) -> Result<Point, String> {
    let mut numbers = text.split_whitespace().map(str::parse::<u16>);
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(x)), Some(Ok(y)), None) => Ok(Point::new(x.into(), y.into())),
        _ => Err(format!(
            "`{text}` is not a pixel: use two whole numbers, as in tap 400 300"
        )),
    }
}

fn shot_name(text: &str) -> Result<ShotName, String> {
    let wrong = || {
        format!("`{text}` is not a name for a picture: use up to 40 letters, digits and hyphens")
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if text.is_empty() || !text.chars().all(plain) {
        return Err(wrong());
    }
    ShotName::try_from(text).map_err(|_| wrong())
}

/// An action in its words: `select 2` is what its record would say,
/// `{"select":2}`.
fn action(text: &str) -> Result<Action, String> {
    let value = |word: &str| {
        word.parse::<i64>()
            .map_or_else(|_| Value::from(word.replace('-', "_")), Value::from)
    };
    let mut words = text.split_whitespace().rev();
    let last = words.next().map_or(Value::Null, value);
    let said = words.fold(
        last,
        |inner, word| json!({ (word.replace('-', "_")): inner }),
    );
    serde_json::from_value(said).map_err(|error| {
        format!(
            "`{text}` is not an action: {}",
            error.to_string().replace('_', "-")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exam::words::{Eye, Page, PatientField, Setting, SkipReason};

    const STAGES: [&str; 4] = ["ready", "patient", "live right", "result right"];

    fn second(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn event(line: &str) -> InputEvent {
        match commands(line, &STAGES).unwrap().as_slice() {
            [Command::Do(event)] => event.clone(),
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn every_command_is_understood() {
        assert_eq!(
            event("tap 400  300"),
            InputEvent::Touch(Point::new(400, 300))
        );
        assert_eq!(event("key Enter"), InputEvent::Key(Key::Enter));
        assert_eq!(event("quit"), InputEvent::Quit);
        assert_eq!(event("scan P-1 2"), InputEvent::Scan("P-1 2".to_owned()));
        assert_eq!(
            event("shot verdict-1"),
            InputEvent::Shot(ShotName::try_from("verdict-1").unwrap())
        );
        assert_eq!(
            commands("wait 1500ms", &[]),
            Ok(vec![Command::Wait(Duration::from_millis(1500))])
        );
        assert_eq!(
            commands("wait-for live right 5s", &STAGES),
            Ok(vec![Command::WaitFor {
                stage: "live right".to_owned(),
                patience: second(5),
            }])
        );
        let typed = commands("type a 1", &[]).unwrap();
        assert_eq!(
            typed,
            ['a', ' ', '1'].map(|c| Command::Do(InputEvent::Key(Key::Char(c))))
        );
    }

    #[test]
    fn actions_are_said_in_their_words() {
        for (words, action) in [
            ("start", Action::Start),
            ("photograph left", Action::Photograph(Eye::Left)),
            ("choose id", Action::Choose(PatientField::Id)),
            (
                "skip-for eye-absent",
                Action::SkipFor(SkipReason::EyeAbsent),
            ),
            ("open today", Action::Open(Page::Today)),
            ("select 3", Action::Select(3)),
            ("scroll -2", Action::Scroll(-2)),
            ("set auto-capture", Action::Set(Setting::AutoCapture)),
            ("type é", Action::Type('é')),
        ] {
            assert_eq!(
                event(&format!("action {words}")),
                InputEvent::Action(action)
            );
        }
    }

    #[test]
    fn comments_are_for_the_reader() {
        assert_eq!(without_comment("  # all of it"), "");
        assert_eq!(without_comment("tap 1 2   # the button"), "tap 1 2");
        assert_eq!(without_comment("type bed#4"), "type bed#4");
    }

    #[test]
    fn a_wrong_line_is_named_with_what_would_be_right() {
        for (line, remedy) in [
            ("tapp 1 2", "use wait, wait-for, tap"),
            ("quit now", "quit alone"),
            ("tap 400", "as in tap 400 300"),
            ("tap 4 -3", "as in tap 400 300"),
            ("wait 2", "as in 2s"),
            ("wait", "as in 2s"),
            ("wait-for results", "ready, patient, live right"),
            ("wait-for", "ready, patient"),
            ("wait-for ready 3m", "as in 2s"),
            ("key Retrun", "no key is called `Retrun`"),
            ("type", "as in type 12345"),
            ("scan", "as in scan P-1042"),
            ("shot ../up", "letters, digits and hyphens"),
            ("action skip-for fun", "eye-absent"),
            ("action", "not an action"),
        ] {
            let text = format!("# a script\n\n{line}\nquit");
            let said = Script::parse(&text, &STAGES).unwrap_err().to_string();
            assert!(said.starts_with("line 3 of the script"), "{said}");
            assert!(said.contains(remedy), "{said}");
        }
    }

    /// Asks at `now` while `stage` is shown.
    fn asked(script: &mut Script, now: Duration, stage: &str) -> Vec<InputEvent> {
        let mut events = Events::new();
        script.poll(now, stage, &mut events).unwrap();
        events.iter().cloned().collect()
    }

    #[test]
    fn one_command_is_carried_out_at_a_time() {
        let mut script = Script::parse("type ab\nquit", &[]).unwrap();
        let at = second(9);
        for expected in [
            vec![InputEvent::Key(Key::Char('a'))],
            vec![InputEvent::Key(Key::Char('b'))],
            vec![InputEvent::Quit],
            vec![],
        ] {
            assert_eq!(asked(&mut script, at, "ready"), expected);
        }
        assert_eq!(script.due(at), None);
    }

    #[test]
    fn waiting_begins_when_it_is_reached() {
        let mut script = Script::parse("wait 2s\nkey Enter", &[]).unwrap();
        assert_eq!(asked(&mut script, second(100), ""), []);
        assert_eq!(script.due(second(101)), Some(second(1)));
        assert_eq!(asked(&mut script, second(101), ""), []);
        assert_eq!(asked(&mut script, second(102), ""), []);
        assert_eq!(script.due(second(102)), Some(Duration::ZERO));
        assert_eq!(
            asked(&mut script, second(102), ""),
            [InputEvent::Key(Key::Enter)]
        );
    }

    #[test]
    fn a_stage_is_waited_for_and_its_first_words_do() {
        let mut script = Script::parse("wait-for live\nkey r", &STAGES).unwrap();
        assert_eq!(asked(&mut script, second(0), "patient"), []);
        assert_eq!(script.due(second(0)), Some(ASK));
        assert_eq!(asked(&mut script, second(1), "live right"), []);
        assert_eq!(
            asked(&mut script, second(1), "live right"),
            [InputEvent::Key(Key::Char('r'))]
        );
    }

    #[test]
    fn a_stage_that_does_not_come_ends_the_script_with_its_line() {
        let mut script = Script::parse("\nwait-for result 3s", &STAGES).unwrap();
        let mut events = Events::new();
        assert_eq!(script.poll(second(5), "ready", &mut events), Ok(()));
        assert_eq!(script.poll(second(7), "ready", &mut events), Ok(()));
        assert_eq!(
            script.poll(second(8), "patient", &mut events),
            Err(ScriptError::Waited {
                line: 2,
                stage: "result".to_owned(),
                waited: second(3),
                shown: "patient".to_owned(),
            })
        );
    }

    #[test]
    fn nothing_is_lost_when_the_queue_is_full() {
        let mut script = Script::parse("quit", &[]).unwrap();
        let mut events = Events::new();
        while events.push_back(InputEvent::Release).is_ok() {}
        script.poll(second(0), "", &mut events).unwrap();
        assert_eq!(asked(&mut script, second(0), ""), [InputEvent::Quit]);
    }

    #[test]
    fn a_script_that_is_not_there_is_named() {
        let said = Script::read(Path::new("/none/such"), &[]).unwrap_err();
        assert!(said
            .to_string()
            .starts_with("the script /none/such cannot be read"));
    }
}
