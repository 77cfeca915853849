//! Rows that carry the hash of what they hold.

use fovea_core::bundle::sha256_hex;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{params_from_iter, Connection, Params, Row};

use super::Fault;

/// A table whose last column is the seal of all the others.
pub(super) struct Table {
    pub(super) name: &'static str,
    /// In their order, without the seal.
    columns: &'static [&'static str],
    /// How many of the first columns name a row.
    key: usize,
}

pub(super) const EXAMS: Table = Table {
    name: "exams",
    columns: &[
        "number",
        "id",
        "began_ms",
        "ended_ms",
        "summary",
        "record",
        "provenance",
    ],
    key: 1,
};

pub(super) const PHOTOGRAPHS: Table = Table {
    name: "photographs",
    columns: &["sha256", "bytes", "width", "height"],
    key: 1,
};

pub(super) const SHOTS: Table = Table {
    name: "shots",
    columns: &["exam", "shot", "photograph"],
    key: 2,
};

pub(super) const PROFILES: Table = Table {
    name: "profiles",
    columns: &["sha256", "camera", "format", "toml"],
    key: 1,
};

pub(super) const ORIGINALS: Table = Table {
    name: "originals",
    columns: &["exam", "shot", "photograph", "profile"],
    key: 2,
};

impl Table {
    /// Writes a row, sealed, in place of one with the same key.
    pub(super) fn put(&self, db: &Connection, mut values: Vec<Value>) -> rusqlite::Result<()> {
        let seal = self.seal(values.iter().map(ValueRef::from));
        values.push(seal.into());
        let places = vec!["?"; values.len()].join(", ");
        let sql = format!(
            "INSERT OR REPLACE INTO {} ({}, seal) VALUES ({places})",
            self.name,
            self.columns.join(", ")
        );
        db.prepare_cached(&sql)?
            .execute(params_from_iter(values))
            .map(|_| ())
    }

    /// The names of its columns, without the seal.
    pub(super) fn columns(&self) -> impl Iterator<Item = &'static str> {
        self.columns.iter().copied()
    }

    /// Writes a row that is there already with what it holds now, sealed: what
    /// refers to it stays.
    pub(super) fn change(&self, db: &Connection, mut values: Vec<Value>) -> rusqlite::Result<()> {
        let seal = self.seal(values.iter().map(ValueRef::from));
        values.push(seal.into());
        let set: Vec<String> = self
            .columns()
            .chain(["seal"])
            .enumerate()
            .map(|(i, column)| format!("{column} = ?{}", i + 1))
            .collect();
        let key = set.get(..self.key).unwrap_or_default();
        let sql = format!(
            "UPDATE {} SET {} WHERE {}",
            self.name,
            set.join(", "),
            key.join(" AND ")
        );
        db.prepare_cached(&sql)?
            .execute(params_from_iter(values))
            .map(|_| ())
    }

    /// A query for its rows as [`Table::intact`] needs them; `which` is what
    /// follows, such as a `WHERE`.
    pub(super) fn select(&self, which: &str) -> String {
        let (columns, name) = (self.columns.join(", "), self.name);
        format!("SELECT {columns}, seal FROM {name} {which}")
    }

    /// The rows that do not match their seal, of those that `which` chooses.
    pub(super) fn broken(
        &self,
        db: &Connection,
        which: &str,
        parameters: impl Params,
    ) -> rusqlite::Result<Vec<Fault>> {
        let mut broken = Vec::new();
        let mut query = db.prepare_cached(&self.select(which))?;
        let mut rows = query.query(parameters)?;
        while let Some(row) = rows.next()? {
            if !self.intact(row)? {
                broken.push(Fault::Row {
                    table: self.name,
                    key: self.key_of(row)?,
                });
            }
        }
        Ok(broken)
    }

    /// Whether a row of [`Table::select`] matches its seal.
    pub(super) fn intact(&self, row: &Row) -> rusqlite::Result<bool> {
        let values = (0..self.columns.len())
            .map(|column| row.get_ref(column))
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let seal = row.get_ref(self.columns.len())?;
        Ok(seal.as_bytes().ok() == Some(self.seal(values.into_iter()).as_bytes()))
    }

    fn key_of(&self, row: &Row) -> rusqlite::Result<String> {
        let words = (0..self.key)
            .map(|column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Integer(number) => number.to_string(),
                    other => String::from_utf8_lossy(other.as_bytes().unwrap_or_default())
                        .escape_debug()
                        .to_string(),
                })
            })
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(words.join(" "))
    }

    /// SHA-256 over the table's name and the row's values, each as a letter
    /// for its type, its length in bytes, a colon and its bytes, so that no
    /// two rows can read the same.
    fn seal<'a>(&self, values: impl Iterator<Item = ValueRef<'a>>) -> String {
        let mut content = Vec::new();
        let mut add = |kind: char, bytes: &[u8]| {
            content.extend(format!("{kind}{}:", bytes.len()).bytes());
            content.extend(bytes);
        };
        add('t', self.name.as_bytes());
        for value in values {
            match value {
                ValueRef::Null => add('n', b""),
                ValueRef::Integer(number) => add('i', number.to_string().as_bytes()),
                ValueRef::Real(number) => add('r', &number.to_bits().to_be_bytes()),
                ValueRef::Text(text) => add('t', text),
                ValueRef::Blob(bytes) => add('b', bytes),
            }
        }
        sha256_hex(&content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(values: &[Value]) -> String {
        SHOTS.seal(values.iter().map(ValueRef::from))
    }

    #[test]
    fn no_two_rows_share_a_seal() {
        let rows: [&[Value]; 6] = [
            &[1.into(), 23.into()],
            &[12.into(), 3.into()],
            &["1".to_owned().into(), 23.into()],
            &["1i2:23".to_owned().into()],
            &[Value::Null, 123.into()],
            &[],
        ];
        for (i, a) in rows.iter().enumerate() {
            for b in &rows[i + 1..] {
                assert_ne!(seal(a), seal(b), "{a:?} {b:?}");
            }
        }
        let elsewhere = EXAMS.seal(rows[0].iter().map(ValueRef::from));
        assert_ne!(seal(rows[0]), elsewhere);
    }

    #[test]
    fn a_seal_can_be_made_by_other_programs() {
        // printf 't5:shotsi1:7i1:1t2:ab' | sha256sum
        assert_eq!(
            seal(&[7.into(), 1.into(), "ab".to_owned().into()]),
            sha256_hex(b"t5:shotsi1:7i1:1t2:ab")
        );
    }
}
