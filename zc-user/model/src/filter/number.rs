//! Numbers as people write them: with units, percent, and "per second".

use super::names::brief;

/// A number, and whether it is one per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Number {
    pub(super) value: f64,
    pub(super) per_second: bool,
}

/// `12`, `1.5`, `1MiB`, `2k`, `80%`, `10 MiB/s`, `1000/s`.
pub(super) fn number(text: &str) -> Result<Number, String> {
    let (amount, per_second) = match text.strip_suffix("/s") {
        Some(amount) => (amount.trim_end(), true),
        None => (text, false),
    };
    let value = amount_of(amount).ok_or_else(|| {
        format!(
            "'{}' is not a number; write it like 4096, 1.5, 64KiB, 10MB or 80%, with /s for a rate",
            brief(text)
        )
    })?;
    Ok(Number { value, per_second })
}

fn amount_of(text: &str) -> Option<f64> {
    if let Some(percent) = text.strip_suffix('%') {
        return percent.trim_end().parse::<f64>().ok().map(|percent| percent / 100.0);
    }
    if let Ok(number) = text.parse::<f64>() {
        return number.is_finite().then_some(number);
    }
    let size: bytesize::ByteSize = text.parse().ok()?;
    #[expect(clippy::cast_precision_loss, reason = "compared, and 2^53 bytes are 8 PiB")]
    Some(size.as_u64() as f64)
}

/// Whether `word` is a unit that may stand behind a number and a blank.
pub(super) fn is_unit(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let word = word.strip_suffix("/s").unwrap_or(&word);
    matches!(
        word,
        "" | "%"
            | "b"
            | "k"
            | "m"
            | "g"
            | "t"
            | "p"
            | "kb"
            | "mb"
            | "gb"
            | "tb"
            | "pb"
            | "ki"
            | "mi"
            | "gi"
            | "ti"
            | "pi"
            | "kib"
            | "mib"
            | "gib"
            | "tib"
            | "pib"
    )
}

/// Whether `word` is a number without a unit.
pub(super) fn is_bare(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}
