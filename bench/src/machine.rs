//! The machine at hand.

use std::path::Path;
use std::process::Command;

use crate::table::Table;

/// A command for what is appended to it, on the core `core` alone and on one thread.
pub fn pinned(core: usize) -> Command {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", &core.to_string()]);
    command.env("OMP_NUM_THREADS", "1");
    command
}

/// A command of `program` on all cores, one thread on each.
pub fn on_all_cores(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("OMP_NUM_THREADS", cores().to_string());
    command
}

/// Whether the processor has the instructions that Linux calls `flag`.
pub fn has(flag: &str) -> bool {
    field(&cpuinfo(), "flags").is_some_and(|flags| flags.split(' ').any(|name| name == flag))
}

/// How many processes wanted to run in the last one, five and fifteen minutes.
pub fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let three: Vec<&str> = text.split(' ').take(3).collect();
    three.join(", ")
}

/// How many threads run at once here, 1 or more.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What the figures depend on. `before` and `after` are the [`load`] then, `on` says which cores
/// were used, and the versions of `crates` are told beside Fovea's.
pub fn describe(before: &str, after: &str, on: &str, crates: &[&'static str]) -> Table {
    let cpu = cpuinfo();
    let model = field(&cpu, "model name").unwrap_or("unknown").to_owned();
    let numbers = ["cpu family", "model", "stepping"]
        .map(|key| field(&cpu, key).unwrap_or("unknown"))
        .join("/");
    const KINDS: [&str; 7] = [
        "avx2",
        "fma",
        "avx512f",
        "avx512_vnni",
        "avx512_bf16",
        "amx_bf16",
        "amx_int8",
    ];
    let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| has(kind)).collect();
    let mut rows = vec![
        (
            "processor",
            format!("{model} (family/model/stepping {numbers})"),
        ),
        ("of its instructions", kinds.join(", ")),
        ("cores", format!("{}; {on}", cores())),
        (
            "load, 1, 5 and 15 minutes",
            format!("{before} before, {after} after"),
        ),
        ("fovea", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    rows.extend(crates.iter().map(|&name| (name, locked(name))));
    let mut table = Table::new(&["machine", ""], 2);
    for (key, value) in rows {
        table.row(vec![key.to_owned(), value]);
    }
    table
}

/// The version of a crate in Cargo.lock.
fn locked(name: &str) -> String {
    let lock = std::fs::read_to_string("Cargo.lock").unwrap_or_default();
    version(&lock, name).unwrap_or("unknown").to_owned()
}

fn version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let start = lock.find(&format!("name = \"{name}\"\n"))?;
    lock[start..]
        .lines()
        .nth(1)?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

fn cpuinfo() -> String {
    std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default()
}

/// The value of the first `key : value`.
fn field<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then_some(value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_versions_are_found() {
        let text = "model\t\t: 207\nmodel name\t: A (R) B\n\nmodel\t: 1\n";
        assert_eq!(field(text, "model"), Some("207"));
        assert_eq!(field(text, "model name"), Some("A (R) B"));
        assert_eq!(field(text, "flags"), None);
        let lock = "[[package]]\nname = \"tract\"\nversion = \"1.2.3\"\n";
        assert_eq!(version(lock, "tract"), Some("1.2.3"));
        assert_eq!(version(lock, "none"), None);
    }
}
