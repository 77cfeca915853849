//! A disk with a real file system, whose power can go.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::failure::{output, Failure, Result};
use super::parts;
use super::power::{self, Fate};

/// A file that the machine sees as a disk, formatted as ext4.
pub struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// A freshly formatted disk of so many megabytes.
    ///
    /// # Errors
    /// There is no room, or `mkfs.ext4` fails.
    pub fn new(megabytes: u64) -> Result<Disk> {
        let disk = Disk::empty()?;
        let image = disk.image();
        fs::File::create(&image)
            .and_then(|file| file.set_len(megabytes << 20))
            .map_err(Failure::file("create", &image))?;
        // With nothing left to do later, the disk is quiet but for what the device writes.
        let now = "lazy_itable_init=0,lazy_journal_init=0";
        output(
            parts::program("mkfs.ext4")
                .args(["-q", "-F", "-b", "4096", "-E", now])
                .arg(&image),
        )?;
        Ok(disk)
    }

    /// Without an image yet.
    fn empty() -> Result<Disk> {
        let target = crate::root().join("target");
        let folder = tempfile::Builder::new()
            .prefix("qemu-disk-")
            .tempdir_in(&target)
            .map_err(Failure::file("create a folder in", &target))?;
        Ok(Disk { folder })
    }

    fn image(&self) -> PathBuf {
        self.folder.path().join("disk")
    }

    /// The disk as it was when the machine started.
    fn before(&self) -> PathBuf {
        self.folder.path().join("before")
    }

    /// Every write and flush since then.
    fn writes(&self) -> PathBuf {
        self.folder.path().join("writes")
    }

    /// What QEMU is told to attach this as disk number `index`; the disk is kept as it is now.
    pub(super) fn attach(&self, index: usize) -> Result<Vec<String>> {
        copy(&self.image(), &self.before())?;
        let writes = self.writes();
        fs::File::create(&writes).map_err(Failure::file("create", &writes))?;
        // The machine's flushes are in the log; the host need not wait for its own disk.
        let file = |name: &str, path: &Path| {
            let path = path.display();
            format!("driver=file,node-name={name}{index},filename={path},cache.no-flush=on")
        };
        let logged = "driver=blklogwrites,node-name=disk";
        Ok(vec![
            "-blockdev".to_owned(),
            file("image", &self.image()),
            "-blockdev".to_owned(),
            file("writes", &writes),
            "-blockdev".to_owned(),
            format!("{logged}{index},file=image{index},log=writes{index}"),
            "-device".to_owned(),
            format!("virtio-blk-pci,drive=disk{index}"),
        ])
    }

    /// How far the log of writes has come: a moment to compare with others. What the machine was
    /// told before is before it.
    ///
    /// # Errors
    /// The disk is in no machine yet.
    pub fn now(&self) -> Result<u64> {
        let writes = self.writes();
        let about = fs::metadata(&writes).map_err(Failure::file("read", &writes))?;
        Ok(about.len())
    }

    /// The moment after each write and each flush since the machine started.
    ///
    /// # Errors
    /// QEMU's log makes no sense.
    pub fn moments(&self) -> Result<Vec<u64>> {
        let entries = power::entries(&self.writes())?;
        Ok(entries.iter().map(power::Entry::end).collect())
    }

    /// What would be left, had the power gone at `moment`: all that the machine had flushed by
    /// then, and of the rest what its fate is. The machine must have stopped.
    ///
    /// # Errors
    /// A file cannot be read or written, or QEMU's log makes no sense.
    pub fn cut_at(&self, moment: u64, fate: impl FnMut() -> Fate) -> Result<Disk> {
        let left = Disk::empty()?;
        copy(&self.before(), &left.image())?;
        power::replay(&self.writes(), moment, &left.image(), fate)?;
        Ok(left)
    }
}

/// A disk is mostly holes, and stays so.
fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut cp = Command::new("cp");
    output(
        cp.args(["--sparse=always", "--reflink=auto"])
            .args([from, to]),
    )
    .map(drop)
}
