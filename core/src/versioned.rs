//! TOML files that say which format they have.

use serde::de::DeserializeOwned;
use serde::Deserialize;

/// Read alone and first, so that a newer file is named as such and not as one
/// with unknown keys.
#[derive(Deserialize)]
struct Header {
    format: u32,
}

/// What the file says, if it has the format `reads`. Otherwise what `syntax`
/// makes of a sentence on what is wrong, or `format` of the format it has.
pub(crate) fn parse<T: DeserializeOwned, E>(
    toml: &str,
    reads: u32,
    syntax: impl Fn(String) -> E,
    format: impl FnOnce(u32) -> E,
) -> Result<T, E> {
    let syntax = |error: toml::de::Error| syntax(sentence(toml, &error));
    let header: Header = toml::from_str(toml).map_err(syntax)?;
    if header.format != reads {
        return Err(format(header.format));
    }
    toml::from_str(toml).map_err(syntax)
}

/// What is wrong and on which line, without the library's several-line
/// drawing of the place.
fn sentence(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().lines().collect::<Vec<_>>().join(" ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        format: u32,
        name: String,
    }

    #[derive(Debug, PartialEq)]
    enum Refused {
        Syntax(String),
        Format(u32),
    }

    fn read(toml: &str) -> Result<File, Refused> {
        parse(toml, 3, Refused::Syntax, Refused::Format)
    }

    #[test]
    fn another_format_is_told_before_unknown_keys_and_faults_with_their_line() {
        let file = File {
            format: 3,
            name: "eye".to_owned(),
        };
        assert_eq!(read("format = 3\nname = \"eye\""), Ok(file));
        for format in [2, 4] {
            let other = format!("format = {format}\nname = 1\nnovelty = true");
            assert_eq!(read(&other), Err(Refused::Format(format)));
        }
        for (toml, says) in [
            ("name = \"eye\"", "format"),
            ("format = 3\nname = 1", "line 2: "),
            ("format = 3\nname = \"eye\"\nnovelty = true", "line 3: "),
            ("format = 3\nname = ", "line 2: "),
        ] {
            match read(toml) {
                Err(Refused::Syntax(sentence)) => assert!(sentence.contains(says), "{sentence}"),
                other => panic!("{toml}: {other:?}"),
            }
        }
    }
}
