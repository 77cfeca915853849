//! The file system in memory that the kernel starts from: busybox, drivers, and
//! the first process.

use std::fs;
use std::io::{BufWriter, Cursor, Write};
use std::path::Path;

use cpio::NewcBuilder;

use super::failure::{Failure, Result};
use super::modules::Module;

/// What the first process does.
const INIT: &[u8] = include_bytes!("init.sh");

const FOLDERS: [&str; 5] = ["bin", "dev", "proc", "sys", "modules.d"];

const FOLDER: u32 = 0o040_755;
const PROGRAM: u32 = 0o100_755;
const FILE: u32 = 0o100_644;

/// Writes the archive to `path`. The modules are loaded in their order, each
/// with what `parameters` gives it.
///
/// # Errors
/// A file cannot be read or written.
pub fn write<'a>(
    path: &Path,
    busybox: &Path,
    modules: &[Module],
    parameters: impl Fn(&str) -> &'a str,
) -> Result<()> {
    let busybox = fs::read(busybox).map_err(Failure::file("read", busybox))?;
    let order: String = modules
        .iter()
        .map(|module| format!("{} {}\n", module.name, parameters(&module.name)))
        .collect();

    let folders = FOLDERS.map(|name| (name.to_owned(), FOLDER, &[][..]));
    let files = [
        ("bin/busybox".to_owned(), PROGRAM, &busybox[..]),
        ("init".to_owned(), PROGRAM, INIT),
        ("modules".to_owned(), FILE, order.as_bytes()),
    ];
    let drivers = modules.iter().map(|module| {
        let name = format!("modules.d/{}.ko", module.name);
        (name, FILE, &module.bytes[..])
    });
    let entries = folders
        .into_iter()
        .chain(files)
        .chain(drivers)
        .map(|(name, mode, bytes)| (NewcBuilder::new(&name).mode(mode), Cursor::new(bytes)));

    let file = fs::File::create(path).map_err(Failure::file("create", path))?;
    cpio::write_cpio(entries, BufWriter::new(file))
        .and_then(|mut out| out.flush())
        .map_err(Failure::file("write", path))
}
