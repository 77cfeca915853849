//! File operations whose failure is one sentence that names the path.

use std::fs;
use std::io;
use std::path::Path;

use crate::process::{Failure, Result};

/// The sentence for a file operation that failed.
pub fn cannot(verb: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Sentence(format!("cannot {verb} {}: {error}", path.display()))
}

/// Creates a folder and those above it.
pub fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))
}

/// Removes a folder and all it holds, if it is there.
pub fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(cannot("remove", folder, &error))
        }
        _ => Ok(()),
    }
}

/// Gives a folder that was filled beside its place its final name, in the stead of what was there:
/// under the final name a folder is always complete, whenever a run is cut off.
pub fn put_in_place(staged: &Path, folder: &Path) -> Result<()> {
    remove(folder)?;
    fs::rename(staged, folder).map_err(|error| cannot("create", folder, &error))
}

/// A folder for one test, gone when the test ends.
#[cfg(test)]
pub struct Trial(pub std::path::PathBuf);

#[cfg(test)]
impl Trial {
    pub fn new(name: &str) -> Trial {
        let folder = std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Trial(folder)
    }
}

#[cfg(test)]
impl Drop for Trial {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_staged_folder_replaces_the_old_one_whole() {
        let trial = Trial::new("replace");
        let (staged, folder) = (trial.0.join("a.part"), trial.0.join("a"));
        create(&staged).unwrap();
        create(&folder).unwrap();
        fs::write(staged.join("new"), "").unwrap();
        fs::write(folder.join("old"), "").unwrap();
        put_in_place(&staged, &folder).unwrap();
        assert!(folder.join("new").is_file());
        assert!(!folder.join("old").exists());
        assert!(!staged.exists());
    }

    #[test]
    fn removing_nothing_is_no_failure_and_moving_nothing_is_one() {
        let trial = Trial::new("nothing");
        remove(&trial.0.join("none")).unwrap();
        let failure = put_in_place(&trial.0.join("none"), &trial.0.join("some")).unwrap_err();
        assert!(failure.to_string().starts_with("cannot create "));
    }
}
