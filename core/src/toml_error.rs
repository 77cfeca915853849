//! TOML errors as one sentence.

/// What is wrong and on which line, without the library's several-line
/// drawing of the place.
pub(crate) fn sentence(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().lines().collect::<Vec<_>>().join(" ");
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message,
    }
}
