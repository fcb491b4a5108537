//! The password format.
//!
//! ```text
//! ogpass                        a prefix that people and secret scanners recognise
//! 28 letters and digits         166 random bits
//! 6 letters and digits          CRC-32 of the 34 characters before, in base 62, most significant first, zero padded
//! ```
//!
//! As a regular expression: `\bogpass[0-9A-Za-z]{34}\b`. Letters and digits only, so a double click selects the whole
//! and nothing needs quoting in a URL, a shell or a configuration file. The checksum tells a typing error or a text
//! that only looks like a password from a real one, without a hash; it protects nothing.

use outgate_core::{Randomness, Secret};
use zeroize::Zeroizing;

/// What every password begins with.
pub const PASSWORD_PREFIX: &str = "ogpass";
/// The length of every password, in characters.
pub const PASSWORD_LEN: usize = PASSWORD_PREFIX.len() + RANDOM_LEN + CHECKSUM_LEN;

/// Random characters: 28 × log₂ 62 = 166.7 bits.
const RANDOM_LEN: usize = 28;
/// 62⁶ is more than 2³².
const CHECKSUM_LEN: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 248 = 4 × 62: bytes from here on would favour the first characters, and are drawn again.
const FAIR: u8 = 248;

/// Draws a password.
pub fn generate(randomness: &dyn Randomness) -> Secret {
    let mut password = Zeroizing::new(Vec::with_capacity(PASSWORD_LEN));
    password.extend_from_slice(PASSWORD_PREFIX.as_bytes());
    let mut drawn = Zeroizing::new([0_u8; RANDOM_LEN]);
    while password.len() < PASSWORD_LEN - CHECKSUM_LEN {
        randomness.fill(&mut *drawn);
        let wanted = PASSWORD_LEN - CHECKSUM_LEN - password.len();
        password.extend(
            drawn
                .iter()
                .filter(|byte| **byte < FAIR)
                .take(wanted)
                .map(|byte| ALPHABET[usize::from(byte % 62)]),
        );
    }
    let checksum = checksum(&password);
    password.extend_from_slice(&checksum);
    Secret::new(std::mem::take(&mut *password))
}

/// Whether a text has the shape of a password: length, prefix, alphabet and checksum. Says nothing of whose it is.
///
/// Takes the same steps for every text of the right length.
pub fn is_well_formed(password: &[u8]) -> bool {
    if password.len() != PASSWORD_LEN {
        return false;
    }
    let (body, sum) = password.split_at(PASSWORD_LEN - CHECKSUM_LEN);
    let prefix = body.starts_with(PASSWORD_PREFIX.as_bytes());
    let alphabet = body.iter().fold(true, |all, byte| all & byte.is_ascii_alphanumeric());
    prefix & alphabet & (checksum(body) == sum)
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut rest = crc32fast::hash(body) as usize;
    let mut digits = [0; CHECKSUM_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[rest % ALPHABET.len()];
        rest /= ALPHABET.len();
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Seeded;
    use proptest::{prelude::*, string::string_regex};
    use std::collections::HashMap;

    /// What `docs/password-format.md` gives to scanners.
    const REGEX: &str = "\\bogpass[0-9A-Za-z]{34}\\b";
    const PAGE: &str = include_str!("../../../docs/password-format.md");

    fn sealed(body: &str) -> String {
        format!("{body}{}", String::from_utf8(checksum(body.as_bytes()).to_vec()).unwrap())
    }

    #[test]
    fn generated_passwords_are_well_formed_and_differ() {
        let randomness = Seeded::new(1);
        let one = generate(&randomness).reveal().unwrap();
        let other = generate(&randomness).reveal().unwrap();
        for password in [&one, &other] {
            assert_eq!(password.len(), 40);
            assert!(is_well_formed(password.as_bytes()), "{}", password.as_str());
        }
        assert_ne!(*one, *other);
        assert!((RANDOM_LEN as f64) * 62_f64.log2() >= 160.0);
    }

    #[test]
    fn every_character_comes_equally_often() {
        let randomness = Seeded::new(2);
        let mut counts: HashMap<u8, u32> = HashMap::new();
        for _ in 0..4_000 {
            generate(&randomness).with_bytes(|password| {
                for byte in &password[PASSWORD_PREFIX.len()..PASSWORD_LEN - CHECKSUM_LEN] {
                    *counts.entry(*byte).or_default() += 1;
                }
            });
        }
        let mean = 4_000.0 * RANDOM_LEN as f64 / 62.0;
        assert_eq!(counts.len(), 62);
        for (byte, count) in counts {
            // Modulo bias without rejection would be a fifth; five standard deviations here are an eighth.
            assert!((f64::from(count) - mean).abs() < mean / 8.0, "{} came {count} times", char::from(byte));
        }
    }

    #[test]
    fn one_wrong_character_anywhere_is_malformed() {
        generate(&Seeded::new(3)).with_bytes(|good| {
            for at in 0..good.len() {
                let mut bad = good.to_vec();
                bad[at] = if bad[at] == b'a' { b'b' } else { b'a' };
                assert!(!is_well_formed(&bad), "position {at}");
            }
            assert!(!is_well_formed(&good[1..]));
            assert!(!is_well_formed(&[good, b"a"].concat()));
        });
        for bad in ["", "ogpass", "hunter2", &sealed("ogpassEXAMPLE-EXAMPLE-EXAMPLE-EXAM")] {
            assert!(!is_well_formed(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn the_page_for_scanners_holds() {
        let expected =
            format!("\\b{PASSWORD_PREFIX}[0-9A-Za-z]{{{}}}\\b", PASSWORD_LEN - PASSWORD_PREFIX.len());
        assert_eq!(REGEX, expected);
        assert!(PAGE.lines().any(|line| line == REGEX), "the page gives the expression on a line of its own");
        let example = sealed("ogpassEXAMPLEEXAMPLEEXAMPLEEXAMPLE");
        assert!(PAGE.lines().any(|line| line == example), "the page's example should be {example}");
        let examples: Vec<_> = PAGE
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| word.starts_with(PASSWORD_PREFIX) && word.len() == PASSWORD_LEN)
            .collect();
        assert!(examples.iter().all(|word| is_well_formed(word.as_bytes())), "{examples:?}");
    }

    proptest! {
        #[test]
        fn the_expression_with_a_right_checksum_is_the_format(
            text in string_regex(REGEX.trim_matches(|c| c == '\\' || c == 'b')).unwrap()
        ) {
            prop_assert!(is_well_formed(sealed(&text[..PASSWORD_LEN - CHECKSUM_LEN]).as_bytes()));
        }

        #[test]
        fn no_input_is_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            is_well_formed(&bytes);
        }
    }
}
