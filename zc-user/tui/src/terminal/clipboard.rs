//! Text for the clipboard of the user's terminal, which need not be on this machine: OSC 52 of xterm.

/// More than that, terminals refuse: xterm takes 100,000 bytes with the encoding, some fewer.
pub(crate) const MOST: usize = 8 * 1024;

/// What to write to the terminal; `None` if `text` is longer than terminals take.
pub(super) fn sequence(text: &str) -> Option<String> {
    (text.len() <= MOST).then(|| format!("\x1b]52;c;{}\x07", base64(text.as_bytes())))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for part in bytes.chunks(3) {
        let byte = |at: usize| u32::from(part.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            // A part of n bytes has n + 1 digits.
            let index = bits >> (18 - 6 * digit) & 63;
            let sign = DIGITS.get(index as usize).filter(|_| digit <= part.len());
            text.push(char::from(sign.copied().unwrap_or(b'=')));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        // RFC 4648, section 10.
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected);
        }
    }

    #[test]
    fn a_text_is_neither_cut_nor_an_escape() {
        assert_eq!(sequence("\x1b[2J").as_deref(), Some("\x1b]52;c;G1sySg==\x07"));
        assert_eq!(sequence(&"x".repeat(MOST + 1)), None);
    }
}
