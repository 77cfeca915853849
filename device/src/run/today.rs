//! Today's exams, as the store listed them last, and where the operator is in
//! the list.

use crate::records::{Fault, Listed, Listing, StoreError};
use crate::screen::ListTrouble;

/// The list of today's exams.
#[derive(Default)]
pub(super) struct Today {
    exams: Vec<Listed>,
    /// What is wrong with their records.
    faults: Vec<String>,
    /// Why they could not be listed again, where they could not.
    unread: Option<String>,
    first_row: usize,
    selected: Option<usize>,
}

impl Today {
    pub fn exams(&self) -> &[Listed] {
        &self.exams
    }

    /// What is wrong with the list.
    pub fn trouble(&self) -> Option<ListTrouble> {
        match (&self.unread, self.faults.len()) {
            (Some(_), _) => Some(ListTrouble::Unread),
            (None, 0) => None,
            (None, n) => Some(ListTrouble::Damaged(n)),
        }
    }

    pub fn first_row(&self) -> usize {
        self.first_row
    }

    pub fn selected(&self) -> Option<usize> {
        self.selected
    }

    /// Takes in a list, or why there is none. What was listed before is still
    /// true where nothing can be read now.
    pub fn hear(&mut self, listing: Result<Listing, StoreError>) {
        let listing = match listing {
            Ok(listing) => listing,
            Err(why) => {
                let why = Some(why.to_string());
                if let Some(why) = why.as_ref().filter(|_| why != self.unread) {
                    tracing::error!(error = %why, "today's exams cannot be listed");
                }
                self.unread = why;
                return;
            }
        };
        self.unread = None;
        let faults: Vec<String> = listing.faults.iter().map(Fault::to_string).collect();
        if faults != self.faults {
            for fault in &faults {
                tracing::error!(error = %fault, "not all of today's exams can be listed");
            }
            self.faults = faults;
        }
        self.exams = listing.exams;
    }

    /// Begins at the top, with nothing selected.
    pub fn open(&mut self) {
        (self.first_row, self.selected) = (0, None);
    }

    /// Selects a row, or lets go of it where it is selected.
    pub fn select(&mut self, row: usize) {
        self.selected = (self.selected != Some(row)).then_some(row);
    }

    /// Scrolls by `rows` on a screen that shows `at_once` of them.
    pub fn scroll(&mut self, rows: isize, at_once: usize) {
        let last = self.exams.len().saturating_sub(at_once);
        self.first_row = self.first_row.saturating_add_signed(rows).min(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_cannot_be_read_leaves_the_one_before() {
        let mut today = Today::default();
        today.hear(Err(StoreError::Full));
        assert!(today.exams().is_empty());
        assert_eq!(today.trouble(), Some(ListTrouble::Unread));
        today.hear(Ok(Listing::default()));
        assert_eq!(today.trouble(), None);
    }

    #[test]
    fn scrolling_ends_at_both_ends_and_a_second_touch_lets_go() {
        let mut today = Today::default();
        today.scroll(4, 6);
        today.scroll(-9, 6);
        assert_eq!(today.first_row(), 0);
        today.select(2);
        assert_eq!(today.selected(), Some(2));
        today.select(2);
        assert_eq!(today.selected(), None);
    }
}
