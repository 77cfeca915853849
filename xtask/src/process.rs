//! Child processes: their output goes straight to the terminal, their exit status comes back.

use std::fmt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// Why a command of this package stopped.
#[derive(Debug)]
pub enum Failure {
    /// One sentence: what is wrong and how to remedy it.
    Sentence(String),
    /// A child process that said itself what is wrong; its exit status becomes ours.
    Child { program: String, status: ExitStatus },
}

pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub fn sentence(text: impl Into<String>) -> Failure {
        Failure::Sentence(text.into())
    }

    /// 1 for our own failures and for a child that a signal ended, else the child's status.
    pub fn exit_status(&self) -> u8 {
        match self {
            Failure::Sentence(_) => 1,
            Failure::Child { status, .. } => status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(1),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Sentence(text) => f.write_str(text),
            Failure::Child { program, status } => write!(f, "`{program}` failed ({status})"),
        }
    }
}

/// The cargo that runs us, in the repository.
pub fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    cargo
}

/// Runs a command to its end with our terminal as its own.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| no_start(command, error))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::Child {
        program: line(command),
        status,
    })
}

/// What a command prints. Its complaints still go to the terminal.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| no_start(command, error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Failure::Child {
        program: line(command),
        status: output.status,
    })
}

/// Whether a command can be started and succeeds; nothing is shown.
pub fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn no_start(command: &Command, error: std::io::Error) -> Failure {
    let program = command.get_program().to_string_lossy();
    Failure::Sentence(format!("{program} cannot be started: {error}"))
}

/// A command as one would type it, the program without its folder, and no more than a line of it.
fn line(command: &Command) -> String {
    const WORDS: usize = 8;
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    let mut words: Vec<_> = std::iter::once(name)
        .chain(command.get_args())
        .map(|word| word.to_string_lossy())
        .collect();
    if words.len() > WORDS {
        words.truncate(WORDS);
        words.push("...".into());
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_childs_exit_status_passes_through() {
        let failure = run(&mut shell("exit 7")).unwrap_err();
        assert_eq!(failure.exit_status(), 7);
        assert_eq!(
            failure.to_string(),
            "`sh -c exit 7` failed (exit status: 7)"
        );
    }

    #[test]
    fn a_child_that_a_signal_ended_counts_as_one() {
        let failure = run(&mut shell("kill -KILL $$")).unwrap_err();
        assert_eq!(failure.exit_status(), 1);
    }

    #[test]
    fn a_long_command_is_cut() {
        let mut command = Command::new("/usr/bin/fovea");
        command.arg("grade").args(["retina.jpg"; 20]);
        let line = line(&command);
        assert!(line.starts_with("fovea grade retina.jpg"), "{line}");
        assert!(line.ends_with("retina.jpg ..."), "{line}");
        assert_eq!(line.split(' ').count(), 9);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure = output(&mut Command::new("no-such-program-here")).unwrap_err();
        assert!(failure.to_string().starts_with("no-such-program-here"));
        assert_eq!(failure.exit_status(), 1);
    }

    #[test]
    fn output_is_what_was_printed() {
        assert_eq!(output(&mut shell("echo retina")).unwrap(), "retina\n");
    }
}
