//! Disks that are full or may not be written to. They are small file systems
//! in memory, which only root can make: otherwise these tests say that they
//! are left out.

use std::process::{Command, Stdio};

use super::*;
use crate::exam::Cause;

/// A disk of its own size.
struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// One of `kilobytes`; none when it may not be made.
    fn new(kilobytes: u32) -> Option<Disk> {
        let folder = tempfile::tempdir().unwrap();
        let made = mount(
            &["-t", "tmpfs", "-o", &format!("size={kilobytes}k"), "none"],
            folder.path(),
        );
        if !made {
            println!("left out: a file system in memory can only be mounted by root");
            return None;
        }
        Some(Disk { folder })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn dir(&self) -> PathBuf {
        self.path().join("store")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a process that another test starts may hold a file for a moment.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

fn mount(words: &[&str], at: &Path) -> bool {
    Command::new("mount")
        .args(words)
        .arg(at)
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn stills(width: u32, height: u32) -> Stills {
    Stills {
        width,
        height,
        corrected: false,
    }
}

/// Pixels that no encoder makes smaller.
fn noise(seed: u64) -> RgbImage {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    RgbImage::from_fn(160, 120, |_, _| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let [r, g, b, ..] = state.to_le_bytes();
        image::Rgb([r, g, b])
    })
}

/// Fills the disk with exams until one is refused, and says how many it took.
fn fill(store: &mut Store) -> (usize, StoreError) {
    for number in 1.. {
        let exam = exam(number);
        let kept = shots(&exam)
            .try_for_each(|shot| store.put_photograph(shot, &noise(shot.0)))
            .and_then(|()| store.save(&exam, &provenance()));
        if let Err(error) = kept {
            return (number as usize - 1, error);
        }
    }
    unreachable!("no disk is endless")
}

#[test]
fn a_full_disk_loses_nothing_that_was_saved() {
    // Of several sizes, so that it is full in different steps.
    for kilobytes in [1_000, 1_100, 1_237, 1_300] {
        let Some(disk) = Disk::new(kilobytes) else {
            return;
        };
        let mut store = Store::open(&disk.dir()).unwrap();
        let (saved, error) = fill(&mut store);
        assert!(matches!(error, StoreError::Full), "{kilobytes}: {error}");
        assert!(saved > 0);
        let room = store.room(stills(160, 120), 0).unwrap();
        assert!(!room.suffices());
        assert!(Cause::from(room).to_string().contains("nearly full"));
        let check = |records: &Records| {
            let found = records.verify().unwrap();
            assert!(found.faults.is_empty(), "{kilobytes}: {:?}", found.faults);
            assert_eq!(found.exams, saved);
        };
        check(store.records());
        drop(store);
        let store = Store::open(&disk.dir()).unwrap();
        check(store.records());
    }
}

#[test]
fn rows_that_do_not_fit_are_saved_once_there_is_room() {
    let Some(disk) = Disk::new(2_000) else {
        return;
    };
    let mut store = Store::open(&disk.dir()).unwrap();
    let exam = exam(1);
    put(&mut store, &exam);
    let mut ballast = File::create(disk.path().join("ballast")).unwrap();
    while std::io::Write::write(&mut ballast, &[0; 4096]).is_ok_and(|n| n > 0) {}
    let error = store.save(&exam, &provenance()).unwrap_err();
    assert!(matches!(error, StoreError::Full), "{error}");
    assert!(store.records().all().unwrap().exams.is_empty());
    ballast.set_len(0).unwrap();
    store.save(&exam, &provenance()).unwrap();
    assert!(store.records().verify().unwrap().faults.is_empty());
}

#[test]
fn a_disk_that_is_read_only_can_be_read() {
    let Some(disk) = Disk::new(8_000) else {
        return;
    };
    let lock = |disk: &Disk| mount(&["-o", "remount,ro"], disk.path());
    let mut store = Store::open(&disk.dir()).unwrap();
    put(&mut store, &exam(1));
    store.save(&exam(1), &provenance()).unwrap();
    // As after a cut: what is not folded into the database counts as well.
    let after_cut = disk.path().join("after-cut");
    copy_folder(&disk.dir(), &after_cut);
    std::fs::remove_file(after_cut.join(format!("{DATABASE}-shm"))).unwrap();
    drop(store);
    assert!(lock(&disk));
    for dir in [disk.dir(), after_cut] {
        let error = Store::open(&dir).unwrap_err();
        assert!(error.to_string().contains("cannot write"), "{error}");
        let records = Records::open(&dir).unwrap();
        assert_eq!(records.get(1).unwrap().unwrap().record, exam(1));
        assert!(records.verify().unwrap().faults.is_empty());
    }
}

#[test]
fn room_is_asked_for_both_eyes_and_never_less_than_wanted() {
    let mut clinic = Clinic::new();
    let room = clinic.store().room(stills(2592, 1944), 0).unwrap();
    let still = 2592 * 1944 * 3;
    assert!((12 * still..13 * still).contains(&room.needed));
    assert!(room.free > 0);
    let more = clinic.store().room(stills(2592, 1944), u64::MAX).unwrap();
    assert_eq!(more.needed, u64::MAX);
    assert!(!more.suffices());
    let enough = Room {
        free: more.free,
        needed: more.free,
    };
    assert!(enough.suffices() && enough.is_scarce());
}

#[test]
fn a_photograph_is_never_larger_than_room_is_kept_for() {
    let pixels = noise(1);
    let file = photographs::encode(&pixels).unwrap();
    let more = file.len() - pixels.len();
    // Of a dozen such, the rest is what the rows may take.
    assert!(12 * more < 1 << 20, "{more} bytes more than the pixels");
}
