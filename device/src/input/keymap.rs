//! Keyboard layouts, by the names that X and Wayland know them by (xkb).

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use kbvm::lookup::LookupTable;
use kbvm::state_machine::StateMachine;
use kbvm::xkb::diagnostic::{Diagnostic, DiagnosticKind};
use kbvm::xkb::rmlvo::Group;
use kbvm::xkb::Context;
use kbvm::{GroupIndex, Keycode, ModifierMask};
use thiserror::Error;

/// Where Debian's package xkb-data keeps the layouts.
const LAYOUTS: &str = "/usr/share/X11/xkb";

/// The layout that needs no file.
const US: &str = include_str!("us.xkb");

/// The name of a layout: `us`, `es`, or with a variant `fr(bepo)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutName {
    layout: String,
    /// Empty for the layout's usual one.
    variant: String,
}

impl Default for LayoutName {
    fn default() -> Self {
        LayoutName {
            layout: "us".to_owned(),
            variant: String::new(),
        }
    }
}

impl FromStr for LayoutName {
    /// What to say instead.
    type Err = String;

    fn from_str(text: &str) -> Result<LayoutName, String> {
        // What names a file must not lead out of the layouts' folder.
        let plain = |name: &str| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
        };
        let name = match text.split_once('(') {
            None => Some((text, "")),
            Some((layout, rest)) => rest
                .strip_suffix(')')
                .filter(|variant| plain(variant))
                .map(|variant| (layout, variant)),
        };
        match name {
            Some((layout, variant)) if plain(layout) => Ok(LayoutName {
                layout: layout.to_owned(),
                variant: variant.to_owned(),
            }),
            _ => Err(format!(
                "`{text}` is not the name of a keyboard layout: write one such as us, es, fr or latam, \
                 or with a variant fr(bepo)"
            )),
        }
    }
}

impl fmt::Display for LayoutName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.layout)?;
        if !self.variant.is_empty() {
            write!(f, "({})", self.variant)?;
        }
        Ok(())
    }
}

/// Why there is no such keyboard.
#[derive(Debug, PartialEq, Eq, Error)]
#[allow(missing_docs)] // each variant's message says what it is
pub enum KeymapError {
    #[error(
        "the keyboard layout \"{0}\" needs the files of the package xkb-data, which are not in {LAYOUTS}: \
         install the package, or set the layout to \"us\""
    )]
    NoFiles(LayoutName),
    #[error(
        "no keyboard layout is called \"{0}\": the names are the files of {LAYOUTS}/symbols, such as us, es, \
         fr or latam; a variant follows in brackets"
    )]
    Unknown(LayoutName),
}

/// What each key of a keyboard prints. Cheap to clone.
#[derive(Clone)]
pub struct Keymap {
    parts: Arc<Parts>,
}

struct Parts {
    name: LayoutName,
    machine: StateMachine,
    table: LookupTable,
}

impl Keymap {
    /// The layout of this name.
    ///
    /// # Errors
    /// When there is none, or its files are not installed. `us` is always
    /// there.
    pub fn load(name: &LayoutName) -> Result<Keymap, KeymapError> {
        Keymap::load_from(Path::new(LAYOUTS), name)
    }

    fn load_from(folder: &Path, name: &LayoutName) -> Result<Keymap, KeymapError> {
        // Neither a home folder nor the environment has a say on a device.
        let mut builder = Context::builder();
        builder.clear();
        builder.enable_environment(false);
        builder.append_path(folder);
        let context = builder.build();
        let mut said: Vec<Diagnostic> = Vec::new();
        let keymap = if *name == LayoutName::default() {
            context
                .keymap_from_bytes(&mut said, None, US.as_bytes())
                .map_err(|_| KeymapError::Unknown(name.clone()))?
        } else {
            if !folder.is_dir() {
                return Err(KeymapError::NoFiles(name.clone()));
            }
            let group = Group {
                layout: &name.layout,
                variant: &name.variant,
            };
            let (rules, model) = (Some("evdev"), Some("pc105"));
            context.keymap_from_names(&mut said, rules, model, Some(&[group]), None)
        };
        // A layout without its symbols is still a keymap, of keys that print nothing.
        if said
            .iter()
            .any(|d| d.kind() == DiagnosticKind::FileNotFound)
        {
            return Err(KeymapError::Unknown(name.clone()));
        }
        let builder = keymap.to_builder();
        Ok(Keymap {
            parts: Arc::new(Parts {
                name: name.clone(),
                machine: builder.build_state_machine(),
                table: builder.build_lookup_table(),
            }),
        })
    }

    /// The name that it was loaded by.
    pub fn name(&self) -> &LayoutName {
        &self.parts.name
    }

    pub(super) fn machine(&self) -> &StateMachine {
        &self.parts.machine
    }

    pub(super) fn table(&self) -> &LookupTable {
        &self.parts.table
    }

    /// Whether a key prints anything without others held.
    pub(super) fn prints(&self, code: Keycode) -> bool {
        let found = self
            .table()
            .lookup(GroupIndex::ZERO, ModifierMask::NUM_LOCK, code);
        found
            .into_iter()
            .any(|symbol| symbol.char().is_some_and(|c| !c.is_control()))
    }
}

impl fmt::Debug for Keymap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keymap({})", self.parts.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in ["us", "latam", "fr(bepo)", "us(dvorak-intl)"] {
            assert_eq!(text.parse::<LayoutName>().unwrap().to_string(), text);
        }
        for text in ["", "../us", "fr(", "fr()", "fr(a)b", "us,es", "(es)"] {
            let said = text.parse::<LayoutName>().unwrap_err();
            assert!(said.starts_with(&format!("`{text}`")), "{said}");
            assert!(said.contains("latam"), "{said}");
        }
    }

    #[test]
    fn the_us_layout_needs_no_file_and_others_say_what_they_need() {
        let nowhere = Path::new("/none/such");
        let load = |name: &str| Keymap::load_from(nowhere, &name.parse().unwrap());
        assert_eq!(load("us").unwrap().name().to_string(), "us");
        let said = load("es").unwrap_err().to_string();
        assert!(
            said.contains("\"es\"") && said.contains("xkb-data"),
            "{said}"
        );
        // A folder without layouts is no reason for a keyboard that prints nothing.
        let empty = tempfile::tempdir().unwrap();
        let said = Keymap::load_from(empty.path(), &"es".parse().unwrap()).unwrap_err();
        assert!(matches!(said, KeymapError::Unknown(_)), "{said}");
    }

    #[test]
    fn a_layout_that_does_not_exist_is_named() {
        for name in ["xx", "es(nope)"] {
            let said = Keymap::load(&name.parse().unwrap())
                .unwrap_err()
                .to_string();
            assert!(said.contains(&format!("\"{name}\"")), "{said}");
        }
    }
}
